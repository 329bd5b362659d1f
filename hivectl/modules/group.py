"""`group`: a group of the system."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Group, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, TaskContext
from hivectl.modules.commands import environment_of


@record(kw_only=True)
class Parameters:
    """What `group` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "local": "leave it out: groupadd and groupmod change the files of the node itself",
    }

    name: str = parameter("The group's name.")
    state: str = parameter(
        "Whether the group shall be there.", default="present", choices=("absent", "present")
    )
    gid: int | None = parameter("Its number; absent: as it is, or what the node chooses.", default=None)
    system: bool = parameter("Whether a new group gets a number of the system's range.", default=False)
    non_unique: bool = parameter("Whether `gid` may be another group's number too.", default=False)
    force: bool = parameter("Whether a group is removed although it is some user's own.", default=False)
    gid_min: int | None = parameter("Least number that the node may choose.", default=None)
    gid_max: int | None = parameter("Greatest number that the node may choose.", default=None)


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Group.

    Raises:
        ModuleError: `non_unique` without a number.
    """
    if parameters.non_unique and parameters.gid is None:
        raise ModuleError("`non_unique` needs `gid`", origin=context.origin)
    return (
        Group(
            group=parameters.name,
            state=cast("Literal['present', 'absent']", parameters.state),  # the choices hold it
            gid=parameters.gid,
            system=parameters.system,
            non_unique=parameters.non_unique,
            force=parameters.force,
            gid_min=parameters.gid_min,
            gid_max=parameters.gid_max,
            environment=environment_of(context),
        ),
    )


MODULE = Module(
    name="group",
    summary="A group of the system",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: Who may use the boards
  group:
    name: lab
    gid: 3000
""",
    returns={
        "name": "the group",
        "state": "present or absent",
        "gid": "its number",
        "system": "as asked for",
    },
)
