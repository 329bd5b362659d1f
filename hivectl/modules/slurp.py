"""`slurp`: the content of a small file, in base64."""

from base64 import b64encode
from collections.abc import Sequence

from hivectl.drivers.base import Capability
from hivectl.helper.operations import ItemResult, Operation, Read
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext, merge_results

LIMIT = 64 * 1024 * 1024  # bytes; it is all held in memory and in variables: `fetch` has no limit


@record(kw_only=True)
class Parameters:
    """What `slurp` takes."""

    src: str = parameter("The file on the node.", aliases=("path",), kind="path")


def operations(parameters: Parameters, _context: TaskContext) -> Sequence[Operation]:
    """Return the one Read."""
    return (Read(path=parameters.src, limit=LIMIT),)


def result(parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Put the content into the result."""
    merged = merge_results(results)
    if merged.get("failed"):
        return merged
    return {
        "changed": False,
        "content": b64encode(results[-1].content or b"").decode("ascii"),
        "encoding": "base64",
        "source": merged.get("source", parameters.src),
    }


MODULE = Module(
    name="slurp",
    summary="The content of a small file, in base64",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: The machine's identity
  slurp:
    src: /etc/machine-id
  register: identity
""",
    check_mode="always",
    returns={
        "content": "the bytes in base64",
        "encoding": "always base64",
        "source": "the file that was read",
    },
)
