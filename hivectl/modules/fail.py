"""`fail`: the end of a node's run, with a reason."""

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `fail` takes."""

    msg: str = parameter("The reason.", default="Failed as requested from task")


def decide(parameters: Parameters, _context: TaskContext) -> Result:
    """Fail."""
    return {"changed": False, "failed": True, "msg": parameters.msg}


MODULE = Module(
    name="fail",
    summary="Fail, with a reason",
    parameters=Parameters,
    decide=decide,
    example="""\
- name: Not on this one
  fail:
    msg: "{{ inventory_hostname }} is kept for calibration"
  when: inventory_hostname == "m1"
""",
    check_mode="always",
    returns={"msg": "the reason"},
)
