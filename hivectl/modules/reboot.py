"""`reboot`: start a node anew, and wait until it is there again."""

import asyncio
import shlex
from pathlib import Path

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Run
from hivectl.model.node_errors import ConnectionLostError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, NodeContext, Result
from hivectl.modules.connecting import NotYetError, keep_trying, look

BOOT_ID = "/proc/sys/kernel/random/boot_id"  # random(4): another one after each start
SEARCH_PATHS = ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"]
# between two tries: at first a quick virtual machine is met, later a slow board is not bothered
PAUSES = (0.5, 5.0)
# seconds for a system to take the command; it may be gone before it can say so
COMMAND_SECONDS = 30.0


@record(kw_only=True)
class Parameters:
    """What `reboot` takes."""

    pre_reboot_delay: int = parameter(
        "Seconds between the command and the reboot, in whole minutes as shutdown(8) has it.",
        default=0,
        aliases=("pre_reboot_delay_sec",),
    )
    post_reboot_delay: int = parameter(
        "Seconds to wait after the command before the first look.",
        default=0,
        aliases=("post_reboot_delay_sec",),
    )
    reboot_timeout: int = parameter(
        "Seconds until the node must be there again, and once more until `test_command` succeeds.",
        default=600,
        aliases=("reboot_timeout_sec",),
    )
    connect_timeout: int | None = parameter(
        "Seconds that one try to connect may take; absent: as the connection is set.",
        default=None,
        aliases=("connect_timeout_sec",),
    )
    test_command: str = parameter("Command that succeeds once the node is ready.", default="whoami")
    msg: str = parameter("What users of the node are told.", default="Reboot initiated by Ansible")
    search_paths: list[str] = parameter("Where shutdown is looked for.", default=SEARCH_PATHS)
    boot_time_command: str = parameter(
        "Command whose output is another after each start.", default=f"cat {BOOT_ID}"
    )
    reboot_command: str | None = parameter("Command in place of shutdown.", default=None)


def script_of(parameters: Parameters) -> str:
    """Return what makes the node start anew; without shutdown(8) (Alpine) reboot(8) does."""
    folders = " ".join(shlex.quote(path) for path in parameters.search_paths)
    if parameters.reboot_command is not None:
        name, _, arguments = parameters.reboot_command.strip().partition(" ")
        tries = [(name, f" {arguments}" if arguments else "")]
    else:
        minutes = max(0, parameters.pre_reboot_delay) // 60
        tries = [("shutdown", f" -r {minutes} {shlex.quote(parameters.msg)}"), ("reboot", "")]
    lines = []
    for name, arguments in tries:
        if name.startswith("/"):
            lines.append(f"exec {name}{arguments}")
        else:
            lines.append(f'for d in {folders}; do [ -x "$d/{name}" ] && exec "$d/{name}"{arguments}; done')
    lines.append(f"echo 'there is no {tries[0][0]} in' {folders} >&2; exit 127")
    return "\n".join(lines)


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Reboot and wait.

    Raises:
        ModuleError: the node is this machine.
    """
    if context.check:
        return {"changed": True, "elapsed": 0, "rebooted": True}
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        before = await _boot(parameters, context)
    except NotYetError as error:
        return {
            "changed": False,
            "failed": True,
            "rebooted": False,
            "msg": f"failed to get the boot time: {error}",
        }
    if before == _own_boot():
        raise ModuleError(
            "the node runs on this machine: a reboot would end hivectl itself",
            origin=context.origin,
            hint="reboot it from another machine",
        )
    refusal = await _command(parameters, context)
    if refusal is not None:
        return {
            "changed": False,
            "failed": True,
            "rebooted": False,
            "msg": f"Reboot command failed: {refusal}",
        }
    context.say("reboots; waiting until it is back")
    if parameters.post_reboot_delay > 0:
        await asyncio.sleep(parameters.post_reboot_delay)
    result: Result = {"changed": True, "rebooted": True}
    reason = await _back(parameters, context, before)
    if reason is not None:
        # as Ansible tells it: the command was taken, and what became of it is not known
        result.update(failed=True, changed=False, msg=reason)
    return {**result, "elapsed": int(loop.time() - start)}


async def _boot(parameters: Parameters, context: NodeContext) -> str:
    """Return what tells this start of the node from others; raises NotYetError."""
    result = await look(context, Run(script=parameters.boot_time_command, observes=True))
    return str(result.get("stdout", "")).strip()


def _own_boot() -> str | None:
    try:
        return Path(BOOT_ID).read_text(encoding="ascii").strip()
    except OSError:
        return None  # no Linux: then the node, which has told one, is another machine


async def _command(parameters: Parameters, context: NodeContext) -> str | None:
    """Give the command; return why it was refused, None where it was taken or nobody is left to say so."""
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            await look(context, Run(script=script_of(parameters)))
    except NotYetError as error:
        return str(error)
    except (ConnectionLostError, TimeoutError):
        pass  # it goes down already
    return None


async def _back(parameters: Parameters, context: NodeContext, before: str) -> str | None:
    """Wait for another boot and for the test; return what is wrong."""

    async def booted() -> None:
        now = await _boot(parameters, context)
        if not now or now == before:
            raise NotYetError("it has not gone down yet")

    async def tested() -> None:
        await look(context, Run(script=parameters.test_command, observes=True))

    for attempt, what in (
        (booted, "the node to come back"),
        (tested, f"`{parameters.test_command}` to succeed"),
    ):
        reason = await keep_trying(
            context,
            attempt,
            seconds=parameters.reboot_timeout,
            pauses=PAUSES,
            connect_timeout=parameters.connect_timeout,
        )
        if reason is not None:
            return f"Timed out waiting for {what} (timeout={parameters.reboot_timeout}): {reason}"
    return None


MODULE = Module(
    name="reboot",
    summary="Start a node anew and wait until it is back",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: The new kernel
  become: true
  reboot:
    reboot_timeout: 300
""",
    returns={"rebooted": "whether it has started anew", "elapsed": "seconds that it took"},
    repeatable=False,
)
