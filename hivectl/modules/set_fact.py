"""`set_fact`: variables of the node for the rest of the run."""

from collections.abc import Mapping
from typing import Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `set_fact` takes."""

    facts: Mapping[str, Any] = parameter(
        "Every other key: a variable and its value.", default={}, kind="rest"
    )
    cacheable: bool = parameter("Under `ansible_facts` too; nothing is kept beyond the run.", default=False)


def decide(parameters: Parameters, context: TaskContext) -> Result:
    """Return the variables as facts.

    Raises:
        ModuleError: no variable, or a name that no template could use.
    """
    if not parameters.facts:
        raise ModuleError("no variable given", origin=context.origin, hint="write `set_fact: {name: value}`")
    for name in parameters.facts:
        if not (str(name).isidentifier() and str(name).isascii()):
            raise ModuleError(
                f"{name!r} cannot be a variable's name",
                origin=context.origin,
                hint="letters, digits and underscores, not beginning with a digit",
            )
    result: Result = {"changed": False, "ansible_facts": dict(parameters.facts)}
    return {**result, "_ansible_facts_cacheable": True} if parameters.cacheable else result


MODULE = Module(
    name="set_fact",
    summary="Variables of the node for the rest of the run",
    parameters=Parameters,
    decide=decide,
    example="""\
- name: Where captures go
  set_fact:
    captures: "/srv/captures/{{ inventory_hostname }}"
""",
    check_mode="always",
    returns={"ansible_facts": "the variables"},
)
