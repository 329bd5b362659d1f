"""`import_role`: the tasks of a role, as if they were written here; the loader puts them in its place."""

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `import_role` takes."""

    name: str = parameter("The role, in `roles/` beside the playbook, or a path.", aliases=("role",))
    tasks_from: str | None = parameter("A file of its `tasks` in place of main.", default=None)
    vars_from: str | None = parameter("A file of its `vars` in place of main.", default=None)
    defaults_from: str | None = parameter("A file of its `defaults` in place of main.", default=None)
    handlers_from: str | None = parameter("A file of its `handlers` in place of main.", default=None)
    public: bool | None = parameter(
        "Whether other tasks of the play see its variables; they do.", default=None
    )
    allow_duplicates: bool = parameter("false: not again where the role has been done.", default=True)
    rolespec_validate: bool = parameter("Whether its arguments are checked.", default=True)


def decide(parameters: Parameters, _context: TaskContext) -> Result:
    """Return which role it is: the engine, or the loader before it, takes its tasks in."""
    return {"changed": False, "include_role": parameters.name}


MODULE = Module(
    name="import_role",
    summary="The tasks of a role, as if they were written here",
    parameters=Parameters,
    decide=decide,
    example="""\
- name: What every node needs
  import_role:
    name: common
""",
    check_mode="always",
    returns={"include_role": "the role"},
)
