"""`set_stats`: figures of the run that its summary and reports show."""

from collections.abc import Mapping
from typing import Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `set_stats` takes."""

    data: Mapping[str, Any] = parameter("Names and values.", example={"measured": 12})
    per_host: bool = parameter("Figures of each node; otherwise of the whole run.", default=False)
    aggregate: bool = parameter("Add to what was said before, instead of replacing it.", default=True)


def decide(parameters: Parameters, context: TaskContext) -> Result:
    """Return the figures, which the engine takes in.

    Raises:
        ModuleError: a name that no template could use.
    """
    for name in parameters.data:
        if not (str(name).isidentifier() and str(name).isascii()):
            raise ModuleError(
                f"{name!r} cannot be the name of a figure",
                origin=context.origin,
                hint="letters, digits and underscores, not beginning with a digit",
            )
    said = {"data": dict(parameters.data), "per_host": parameters.per_host, "aggregate": parameters.aggregate}
    return {"changed": False, "ansible_stats": said}


MODULE = Module(
    name="set_stats",
    summary="Figures for the summary of the run",
    parameters=Parameters,
    decide=decide,
    example="""\
- name: Count what was measured
  set_stats:
    data: {measured: 12}
""",
    check_mode="always",
    returns={"ansible_stats": "what was said"},
)
