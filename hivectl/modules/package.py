"""`package`: packages by the node's own package manager."""

from collections.abc import Sequence
from typing import cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Operation, Package
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.apt import RETURNS, State, result
from hivectl.modules.base import Module, TaskContext
from hivectl.modules.commands import environment_of

# what Ansible's apt, which it hands over to, does by default
DPKG_OPTIONS = "force-confdef,force-confold"


@record(kw_only=True)
class Parameters:
    """What `package` takes."""

    name: list[str] = parameter("Names of packages.")
    state: str = parameter("What shall be of them.", choices=("absent", "latest", "present"))
    update_cache: bool = parameter("Whether the lists of packages are fetched first.", default=False)
    use: str = parameter("The package manager; auto finds it.", default="auto", choices=("apt", "auto"))


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Package."""
    return (
        Package(
            packages=tuple(parameters.name),
            state=cast("State", parameters.state),  # the choices hold it
            update_cache=parameters.update_cache,
            dpkg_options=DPKG_OPTIONS,
            environment=environment_of(context),
        ),
    )


MODULE = Module(
    name="package",
    summary="Packages by the node's own package manager (apt)",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: tmux
  package:
    name: tmux
    state: present
""",
    returns=RETURNS,
)
