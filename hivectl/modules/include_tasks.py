"""`include_tasks`: the tasks of a file, taken in as the run goes on."""

from collections.abc import Mapping
from typing import Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `include_tasks` takes."""

    file: str = parameter("The file, beside the one that includes it or in the role's `tasks`.")
    apply: Mapping[str, Any] | None = parameter(
        "Keywords for all tasks of the file: tags, become, when ...", default=None, kind="template"
    )


def decide(parameters: Parameters, _context: TaskContext) -> Result:
    """Return which file it is; the engine takes its tasks in."""
    return {"changed": False, "include": parameters.file}


MODULE = Module(
    name="include_tasks",
    summary="The tasks of a file, taken in as the run goes on",
    parameters=Parameters,
    decide=decide,
    free_form="file",
    example="""\
- name: What this kind of node needs
  include_tasks: "{{ kind }}.yml"
""",
    check_mode="always",
    returns={"include": "the file"},
)
