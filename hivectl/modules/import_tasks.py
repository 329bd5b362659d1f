"""`import_tasks`: the tasks of a file, as if they were written here; the loader puts them in its place."""

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `import_tasks` takes."""

    file: str = parameter("The file, beside the one that imports it or in the role's `tasks`.")


def decide(parameters: Parameters, _context: TaskContext) -> Result:
    """Return which file it is: no such task is left once a playbook has been read."""
    return {"changed": False, "include": parameters.file}


MODULE = Module(
    name="import_tasks",
    summary="The tasks of a file, as if they were written here",
    parameters=Parameters,
    decide=decide,
    free_form="file",
    example="""\
- name: What every node needs
  import_tasks: "common.yml"
""",
    check_mode="always",
    returns={"include": "the file"},
)
