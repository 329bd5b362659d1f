"""`wait_for`: until a port, a file or a text is there, or gone, as seen from the node."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Operation, Wait
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.attributes import FILE_RETURNS
from hivectl.modules.base import Module, ModuleError, TaskContext, contradictions

State = Literal["started", "present", "stopped", "absent", "drained"]
STATES = ("absent", "drained", "present", "started", "stopped")
CONNECTION_STATES = ("ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT")


@record(kw_only=True)
class Parameters:
    """What `wait_for` takes."""

    host: str = parameter("Name or address that the port is at, as seen from the node.", default="127.0.0.1")
    port: int | None = parameter("TCP port to ask.", default=None)
    path: str | None = parameter("Path on the node that must be there, or gone.", default=None, kind="path")
    state: str = parameter(
        "started: the port is open; stopped: it is closed; drained: nobody is connected; present and absent: of a "
        "path or of `search_regex`.",
        default="started",
        choices=STATES,
    )
    search_regex: str | None = parameter(
        "Regular expression to be found in the file, or in what the port sends.", default=None
    )
    delay: int = parameter("Seconds to wait before the first look.", default=0)
    sleep: int = parameter("Seconds between two looks.", default=1)
    timeout: int = parameter("Seconds after which it fails; alone, how long to wait.", default=300)
    connect_timeout: int = parameter("Seconds that one try to connect may take.", default=5)
    active_connection_states: list[str] = parameter(
        "Which TCP connections count as active, for drained.", default=list(CONNECTION_STATES)
    )
    exclude_hosts: list[str] | None = parameter("Whose connections do not count, for drained.", default=None)
    msg: str | None = parameter("What is said in place of our words when the time is over.", default=None)


def complaint(parameters: Parameters) -> str | None:
    """Return what contradicts itself, or None."""
    if parameters.port is not None and parameters.path is not None:
        return "only one of `port` and `path` can be given"
    if parameters.path is not None and parameters.state in ("stopped", "drained"):
        return f"state: {parameters.state} is for a `port`, not for a `path`"
    if parameters.exclude_hosts is not None and parameters.state != "drained":
        return "`exclude_hosts` needs state: drained"
    if parameters.state == "drained" and parameters.port is None:
        return "`port` is needed with state: drained"
    unknown = sorted(set(parameters.active_connection_states) - set(CONNECTION_STATES))
    if unknown:
        return f"{', '.join(unknown)} in `active_connection_states` is none of {', '.join(CONNECTION_STATES)}"
    return None


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Wait.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    if (message := complaint(parameters)) is not None:
        raise ModuleError(message, origin=context.origin)
    return (
        Wait(
            state=cast("State", parameters.state),  # the choices hold it
            host=parameters.host,
            port=parameters.port,
            path=parameters.path,
            search_regex=parameters.search_regex,
            exclude_hosts=tuple(parameters.exclude_hosts or ()),
            active_connection_states=tuple(parameters.active_connection_states),
            delay=parameters.delay,
            connect_timeout=parameters.connect_timeout,
            sleep=parameters.sleep,
            timeout=parameters.timeout,
            msg=parameters.msg,
        ),
    )


MODULE = Module(
    name="wait_for",
    summary="Wait until a port, a file or a text is there, or gone",
    parameters=Parameters,
    faults=contradictions(complaint),
    operations=operations,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: Until the server listens
  wait_for:
    port: 8080
    timeout: 60
""",
    check_mode="none",
    returns={
        "elapsed": "seconds that were waited",
        **FILE_RETURNS,
        "state": "what was waited for; of a path that is there, what it is",
        "match_groups": "groups of `search_regex`",
        "match_groupdict": "named groups of `search_regex`",
    },
)
