"""`hostname`: the node's own name."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Hostname, ItemResult, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, Result, TaskContext, merge_results
from hivectl.modules.commands import environment_of


@record(kw_only=True)
class Parameters:
    """What `hostname` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "use": "leave it out: how the name is set is found on the node",
    }

    name: str = parameter("The name.")


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Hostname."""
    return (Hostname(hostname=parameters.name, environment=environment_of(context)),)


def result(parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Add the name as the fact that it is from now on."""
    merged = merge_results(results)
    if not merged.get("failed"):
        merged["ansible_facts"] = {
            "ansible_hostname": parameters.name.split(".")[0],
            "ansible_nodename": parameters.name,
        }
    return merged


MODULE = Module(
    name="hostname",
    summary="The node's own name",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: As the inventory says
  hostname:
    name: "{{ inventory_hostname }}"
""",
    returns={"name": "the name", "ansible_facts": "the name as setup tells it"},
)
