"""`meta`: a word to the engine, which carries it out itself."""

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext

ACTIONS = (
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "end_role",
    "flush_handlers",
    "noop",
    "reset_connection",
)


@record(kw_only=True)
class Parameters:
    """What `meta` takes."""

    free_form: str = parameter("What the engine shall do.", choices=ACTIONS)


def decide(parameters: Parameters, _context: TaskContext) -> Result:
    """Return the word; the engine acts on it."""
    return {"changed": False, "meta": parameters.free_form}


MODULE = Module(
    name="meta",
    summary="A word to the engine: flush handlers, end the play, connect anew ...",
    parameters=Parameters,
    decide=decide,
    free_form="free_form",
    example="""\
- name: Restart now what has changed
  meta: flush_handlers
""",
    check_mode="always",
    returns={"meta": "what was done"},
)
