"""`ping`: whether a node answers and can carry out operations."""

from collections.abc import Sequence

from hivectl.drivers.base import Capability
from hivectl.helper.operations import ItemResult, Operation, Stat
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, merge_results


@record(kw_only=True)
class Parameters:
    """What `ping` takes."""

    data: str = parameter("What comes back; `crash` makes it fail.", default="pong")


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return a look at what every node has: it must come to the node and back."""
    if parameters.data == "crash":
        raise ModuleError("boom", origin=context.origin)
    return (Stat(path="/", checksum=None),)


def result(parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Return the word, or why there is none."""
    merged = merge_results(results)
    return merged if merged.get("failed") else {"changed": False, "ping": parameters.data}


MODULE = Module(
    name="ping",
    summary="Whether a node answers",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: Are you there?
  ping:
""",
    check_mode="always",
    returns={"ping": "the word in `data`"},
)
