"""`service`: whether a service runs, and whether it starts with the system; by whatever the node has."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Operation, Service
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, TaskContext
from hivectl.modules.commands import environment_of

State = Literal["started", "stopped", "restarted", "reloaded"]
STATES = ("reloaded", "restarted", "started", "stopped")
MANAGERS = {
    "auto": "auto",
    "service": "auto",
    "systemd": "systemd",
    "systemd_service": "systemd",
    "sysvinit": "sysv",
    "openrc": "openrc",
}


@record(kw_only=True)
class Parameters:
    """What `service` takes."""

    name: str = parameter("The service.")
    state: str | None = parameter(
        "started and stopped do nothing where it is so; restarted and reloaded always act. Absent: as it is.",
        default=None,
        choices=STATES,
    )
    enabled: bool | None = parameter("Whether it starts with the system.", default=None)
    sleep: int | None = parameter("Seconds between stop and start of an init script.", default=None)
    pattern: str | None = parameter(
        "Text in a process' command line that means that the service runs, for init scripts without `status`.",
        default=None,
    )
    runlevel: str = parameter("Of OpenRC: the run level.", default="default")
    arguments: str = parameter("Words for the init script.", default="", aliases=("args",))
    use: str = parameter(
        "What manages the services; auto finds out.", default="auto", choices=tuple(sorted(MANAGERS))
    )


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Service.

    Raises:
        ModuleError: nothing is asked for.
    """
    if parameters.state is None and parameters.enabled is None:
        raise ModuleError("one of `state` and `enabled` is needed", origin=context.origin)
    return (
        Service(
            service=parameters.name,
            manager=cast("Literal['auto', 'systemd', 'openrc', 'sysv']", MANAGERS[parameters.use]),
            state=cast("State | None", parameters.state),  # the choices hold it
            enabled=parameters.enabled,
            sleep=parameters.sleep,
            pattern=parameters.pattern,
            runlevel=parameters.runlevel,
            arguments=parameters.arguments,
            environment=environment_of(context),
        ),
    )


MODULE = Module(
    name="service",
    summary="A service: whether it runs and starts with the system",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: The broker runs, and will
  service:
    name: mosquitto
    state: started
    enabled: true
""",
    returns={
        "name": "the service",
        "state": "started or stopped",
        "enabled": "whether it starts with the system",
        "status": "of systemd: the unit's properties",
    },
)
