"""`include_role`: the tasks of a role, taken in as the run goes on."""

from collections.abc import Mapping
from typing import Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext
from hivectl.modules.import_role import Parameters as RoleParameters


@record(kw_only=True)
class Parameters(RoleParameters):
    """What `include_role` takes."""

    public: bool | None = parameter("Whether later tasks of the play see its variables.", default=None)
    apply: Mapping[str, Any] | None = parameter(
        "Keywords for all tasks of the role: tags, become, when ...", default=None, kind="template"
    )


def decide(parameters: Parameters, _context: TaskContext) -> Result:
    """Return which role it is; the engine takes its tasks in."""
    return {"changed": False, "include_role": parameters.name}


MODULE = Module(
    name="include_role",
    summary="The tasks of a role, taken in as the run goes on",
    parameters=Parameters,
    decide=decide,
    example="""\
- name: The web server, on another port
  include_role:
    name: web
    tasks_from: site
  vars:
    port: 8080
""",
    check_mode="always",
    returns={"include_role": "the role"},
)
