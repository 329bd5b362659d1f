"""`systemd_service`, also `systemd`: a unit of systemd."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Operation, Service
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, TaskContext, contradictions
from hivectl.modules.commands import environment_of
from hivectl.modules.service import STATES, State

SCOPES = ("global", "system", "user")


@record(kw_only=True)
class Parameters:
    """What `systemd_service` takes."""

    name: str | None = parameter(
        "The unit; without a suffix a service.", default=None, aliases=("service", "unit")
    )
    state: str | None = parameter(
        "started and stopped do nothing where it is so; restarted and reloaded always act. Absent: as it is.",
        default=None,
        choices=STATES,
    )
    enabled: bool | None = parameter("Whether it starts with the system.", default=None)
    masked: bool | None = parameter("Whether nothing can start it.", default=None)
    daemon_reload: bool = parameter(
        "Whether systemd reads its files again first.", default=False, aliases=("daemon-reload",)
    )
    daemon_reexec: bool = parameter(
        "Whether systemd is executed anew first.", default=False, aliases=("daemon-reexec",)
    )
    scope: str = parameter(
        "Whose manager: the system's, the user's own, or what holds for all users.",
        default="system",
        choices=SCOPES,
    )
    no_block: bool = parameter("Whether the task goes on before the unit has done so.", default=False)
    force: bool | None = parameter("Whether links that are in the way are replaced.", default=None)


def complaint(parameters: Parameters) -> str | None:
    """Return what contradicts itself or is missing, or None; a name alone asks how the unit does."""
    for name in ("state", "enabled", "masked"):
        if getattr(parameters, name) is not None and parameters.name is None:
            return f"`{name}` needs `name`"
    if parameters.name is not None and set(parameters.name) & set("*?["):
        return f"`name` is one unit, not a pattern: {parameters.name}"
    return None


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Service.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    if (message := complaint(parameters)) is not None:
        raise ModuleError(message, origin=context.origin)
    return (
        Service(
            service=parameters.name,
            manager="systemd",
            state=cast("State | None", parameters.state),  # the choices hold it
            enabled=parameters.enabled,
            masked=parameters.masked,
            daemon_reload=parameters.daemon_reload or None,
            daemon_reexec=parameters.daemon_reexec or None,
            scope=cast("Literal['system', 'user', 'global']", parameters.scope),
            no_block=parameters.no_block,
            force=bool(parameters.force),
            environment=environment_of(context),
        ),
    )


MODULE = Module(
    name="systemd_service",
    summary="A unit of systemd",
    parameters=Parameters,
    faults=contradictions(complaint),
    operations=operations,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: The capture service with its new settings
  systemd_service:
    name: capture
    state: restarted
    enabled: true
    daemon_reload: true
""",
    returns={
        "name": "the unit",
        "state": "started or stopped",
        "enabled": "whether it starts with the system",
        "status": "the unit's properties",
    },
)
