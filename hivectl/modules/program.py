"""`program`: something long that a node runs, in the tmux session that bears its host's name; a board's main program.

On a board whatever uses its REPL interrupts the program: so does each run that touches the board. With `boot` it
begins anew when the run lets the board go (unless the node says `resume: false`); without it ends then.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Attributes, Content, Directory, ItemResult, Operation, Run, Write
from hivectl.model.errors import HivectlError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.templates import is_template
from hivectl.modules.base import Module, ModuleError, NodeContext, Result, Source
from hivectl.modules.commands import as_text, environment_of, reveal_text
from hivectl.modules.contents import content_of_file
from hivectl.modules.launcher import (
    NAME,
    OBSERVE,
    REMOVE,
    START,
    STOP,
    STOP_AND_REPORT,
    VARIABLE,
    launcher_of,
)
from hivectl.modules.tmux_window import NO_TMUX

STATES = ("absent", "restarted", "started", "stopped")
PRIVATE = Attributes(mode="0700")
TAIL = 20  # lines of output in the result
DEADLINE = 30.0  # seconds that tmux may take beside the waiting that the task asks for


@record(kw_only=True)
class Parameters:
    """What `program` takes."""

    name: str = parameter("Names the program and its tmux window: letters, digits, dot, dash, underscore.")
    state: str = parameter(
        "started: it runs, anew if anything about it has changed; restarted: always anew; stopped: it does not run; "
        "absent: nor is anything of it left.",
        default="started",
        choices=STATES,
    )
    script: str | None = parameter(
        "Script on this machine; it is sent to the node if that has not got it.", default=None
    )
    command: list[str | Secret] | str | Secret | None = parameter(
        "Program on the node with its arguments, as a text that is split like a shell's, or as a list.",
        default=None,
    )
    args: list[str | Secret] = parameter("More arguments.", default=[])
    interpreter: str | None = parameter(
        "What runs the script; absent: its first line says so (#!), or its name (.py: python3, .sh: /bin/sh).",
        default=None,
        example="python3 -u",
    )
    directory: str = parameter(
        "Where it starts on the node; relative to the login's home.", default="~", kind="path"
    )
    environment: Mapping[str, Any] = parameter("Variables for its environment.", default={})
    log: str | None = parameter(
        "File on the node that gets what it prints; absent: one of its own.", default=None, kind="path"
    )
    stop_timeout: int = parameter(
        "Time between SIGTERM and SIGKILL when it is stopped.", default=10, kind="duration", example="30s"
    )
    boot: bool | None = parameter(
        "Boards: whether main.py starts it at each start of the board, too; absent: yes. A Linux node has `service` "
        "for that.",
        default=None,
    )
    settle: float = parameter(
        "For how long after a start it is watched: a program that fails at once fails the task.",
        default=0.5,
        kind="duration",
    )


@record
class Seen:
    """What was found on the node."""

    fields: Mapping[str, str]
    output: str

    @property
    def running(self) -> bool:
        """Whether its process is alive."""
        return self.fields["running"] == "yes"

    @property
    def present(self) -> bool:
        """Whether anything of it is there."""
        return self.fields["present"] == "yes"


@record
class Start:
    """All that a start needs on the node.

    Attributes:
        script: the script's content, and where it goes.
        launcher: the text that the window runs.
        fingerprint: of everything that, changed, means a new start.
    """

    script: tuple[Content, str] | None
    launcher: str
    fingerprint: str


def check(parameters: Parameters, context: NodeContext) -> None:
    """Refuse what contradicts itself.

    Raises:
        ModuleError: with the parameter's name.
    """
    if (fault := wrong_name(parameters.name)) is not None:
        fault.origin = context.origin
        raise fault
    needed = parameters.state in ("started", "restarted")
    if needed and (parameters.script is None) == (parameters.command is None):
        raise ModuleError(
            f"exactly one of `script` and `command` is needed with state: {parameters.state}",
            origin=context.origin,
        )
    if parameters.interpreter is not None and parameters.command is not None:
        raise ModuleError("`interpreter` is for a `script`", origin=context.origin)
    for path in (parameters.directory, parameters.log or ""):
        if path.startswith("~") and path != "~" and not path.startswith("~/"):
            raise ModuleError(f"{path!r}: only ~/ is understood, not another user's", origin=context.origin)
    for name in (*parameters.environment, *context.environment):
        if not VARIABLE.fullmatch(str(name)):
            raise ModuleError(f"{name!r} cannot be a variable of an environment", origin=context.origin)


def wrong_name(name: str) -> ModuleError | None:
    """Return why no program can be called so, None where one can."""
    if NAME.fullmatch(name):
        return None
    hint = "up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit"
    return ModuleError(f"{name!r} cannot be a program's name", hint=hint)


def written(arguments: Mapping[str, Any]) -> Mapping[str, HivectlError]:
    """Return what contradicts itself as it is written, but for what templates say."""
    faults: dict[str, HivectlError] = {}
    name, state = arguments.get("name"), arguments.get("state") or "started"
    if name is not None and not is_template(name) and (fault := wrong_name(str(name))) is not None:
        faults["name"] = fault
    given = [key for key in ("script", "command") if arguments.get(key) is not None]
    # `omit` may leave one of them out
    sure = not any(is_template(arguments.get(key)) for key in ("script", "command"))
    if sure and state in ("started", "restarted") and len(given) != 1:
        message = f"exactly one of `script` and `command` is needed with state: {state}"
        faults[given[-1] if given else "state"] = ModuleError(message)
    elif sure and "command" in given and arguments.get("interpreter") is not None:
        faults["interpreter"] = ModuleError("`interpreter` is for a `script`")
    return faults


def command_of(parameters: Parameters) -> list[str]:
    """Return `command` as a list of words."""
    if isinstance(parameters.command, list):
        words = [reveal_text(word) for word in parameters.command]
    else:
        try:
            words = shlex.split(reveal_text(parameters.command or ""))
        except ValueError as error:
            raise ModuleError(
                f"`command` cannot be split into words: {error}", hint="give it as a list"
            ) from None
    if not words:
        raise ModuleError("`command` is empty")
    return words


def interpreter_of(parameters: Parameters, script: Path) -> list[str]:
    """Return the words that come before a script; none where its first line says what runs it.

    Raises:
        ModuleError: nothing says so.
    """
    if parameters.interpreter is not None:
        return shlex.split(parameters.interpreter)
    with script.open("rb") as file:
        if file.read(2) == b"#!":
            return []
    known = {".py": ["python3"], ".sh": ["/bin/sh"]}.get(script.suffix)
    if known is None:
        raise ModuleError(
            f"nothing says what runs {script.name}",
            hint="give `interpreter`, or begin the script with #! and a path",
        )
    return known


def start_of(parameters: Parameters, data: str, context: NodeContext) -> Start:
    """Work out what a start needs.

    Args:
        parameters: of the task.
        data: the folder of all programs on the node.
        context: finds the script on this machine.
    """
    script: tuple[Content, str] | None = None
    if parameters.script is not None:
        path = context.find_file(parameters.script)
        content = content_of_file(path)
        target = f"{data}/{parameters.name}/script{path.suffix}"
        script = (content, target)
        words = [*interpreter_of(parameters, path), target]
    else:
        words = command_of(parameters)
    words += [reveal_text(word) for word in parameters.args]
    environment = {
        name: reveal_text(value)
        for name, value in {
            **environment_of(context),
            **{str(name): as_text(value) for name, value in parameters.environment.items()},
        }.items()
    }
    if any(
        "\0" in text for text in (*words, *environment.values(), parameters.directory, parameters.log or "")
    ):
        raise ModuleError(
            "a program's arguments and environment cannot hold a NUL byte", origin=context.origin
        )
    launcher = launcher_of(words, environment=environment, directory=parameters.directory, log=parameters.log)
    sent = script[0].sha256 if script else None
    identity = json.dumps([sent, words, sorted(environment.items()), parameters.directory, parameters.log])
    return Start(script, launcher, hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest())


def control(
    text: str, parameters: Parameters, context: NodeContext, *words: object, seconds: float = 0.0
) -> Run:
    """Return the Run of one of the sh texts."""
    return Run(
        argv=("/bin/sh", "-c", text, "sh", parameters.name, *(str(word) for word in words)),
        environment=environment_of(context),
        timeout=DEADLINE + seconds,
        observes=text is OBSERVE,
    )


def parse(item: ItemResult, context: NodeContext) -> Seen:
    """Read what a sh text reports.

    Raises:
        ModuleError: tmux is missing, or the text failed.
    """
    rc = item.result.get("rc")
    if rc == NO_TMUX:
        raise ModuleError(
            "tmux is not installed", node=context.node, hint="install the package `tmux` on the node"
        )
    if item.result.get("failed") or rc != 0:
        reason = item.result.get("stderr") or item.result.get("msg") or f"exit code {rc}"
        raise ModuleError(f"tmux could not be asked: {reason}", node=context.node)
    head, _, output = str(item.result["stdout"]).partition("\noutput:")
    fields = dict(line.split("=", 1) for line in head.splitlines())
    lines = output.replace("\r\n", "\n").strip("\n").splitlines()
    return Seen(fields, "\n".join(lines[-TAIL:]))


def operations_of_start(
    start: Start, parameters: Parameters, seen: Seen, context: NodeContext
) -> list[Operation]:
    """Return everything from sending the script to the last look, for one round trip."""
    state = f"{seen.fields['data']}/{parameters.name}"
    private = Attributes(mode="0600")
    found: list[Operation] = [Directory(path=state, attributes=PRIVATE)]
    if start.script is not None:
        content, target = start.script
        found.append(Write(path=target, content=content, attributes=PRIVATE))
    if seen.present:
        found.append(
            control(STOP, parameters, context, parameters.stop_timeout, seconds=parameters.stop_timeout)
        )
    for name, text in (("launcher", start.launcher), ("fingerprint.new", f"{start.fingerprint}\n")):
        content = Content.of(text.encode("utf-8", "surrogateescape"), secret=True)
        found.append(Write(path=f"{state}/{name}", content=content, attributes=private))
    tenths = round(parameters.settle * 10)
    return [*found, control(START, parameters, context, tenths, seconds=parameters.settle)]


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Look, and start or stop the program if that is needed."""
    check(parameters, context)
    connection: Any = await context.connection()
    if Capability.REPL in connection.capabilities:
        from hivectl.modules import board_program

        return await board_program.procedure(parameters, context, connection)
    if parameters.boot is not None:
        raise ModuleError(
            "`boot` is for boards", origin=context.origin, hint="a Linux node's boot starts a `service`"
        )
    [look] = await context.operate(control(OBSERVE, parameters, context))
    before = parse(look, context)
    wanted = parameters.state
    planned: list[Operation] = []
    if wanted in ("started", "restarted"):
        start = start_of(parameters, before.fields["data"], context)
        same = before.running and before.fields["fingerprint"] == start.fingerprint
        if wanted == "restarted" or not same:
            planned = operations_of_start(start, parameters, before, context)
    elif before.running or (wanted == "absent" and before.present):
        text = REMOVE if wanted == "absent" else STOP_AND_REPORT
        planned = [
            control(text, parameters, context, parameters.stop_timeout, seconds=parameters.stop_timeout)
        ]
    if not planned:
        return report(parameters, before, changed=False)
    if context.check:
        return with_diff({"changed": True, "name": parameters.name, "state": wanted}, before, context)
    results = await context.operate(*planned)
    if len(results) < len(planned) or any(
        "rc" not in item.result and item.result.get("failed") for item in results
    ):
        failed: Result = {**results[-1].result} if results else {"msg": "the node did nothing"}
        return {**failed, "failed": True, "changed": False, "name": parameters.name}
    after = parse(results[-1], context)
    result = with_diff(report(parameters, after, changed=True), before, context)
    status = result.get("exit_status", 0)
    if wanted in ("started", "restarted") and status != 0:
        result["failed"] = True
        result["msg"] = (
            f"{parameters.name} ended at once with exit status {status}: {after.output or 'no output'}"
        )
    return result


def report(parameters: Parameters, seen: Seen, *, changed: bool) -> Result:
    """Make the task's result of what is on the node."""
    state = "started" if seen.running else "stopped" if seen.present else "absent"
    result: Result = {"changed": changed, "name": parameters.name, "state": state}
    if not seen.present:
        return result
    result |= {"since": seen.fields["since"], "log": seen.fields["log"], "output": seen.output}
    if seen.running:
        result["pid"] = int(seen.fields["pid"])
    elif seen.fields["exit_status"]:
        result["exit_status"] = int(seen.fields["exit_status"])
    return result


def with_diff(result: Result, before: Seen, context: NodeContext) -> Result:
    """Add what changes, if the task shows it; arguments and environment stay out, for they may hold secrets."""
    if not context.diff:
        return result
    state = "started" if before.running else "stopped" if before.present else "absent"
    anew = ", anew" if before.running and result["state"] in ("started", "restarted") else ""
    return {**result, "diff": {"before": f"state: {state}\n", "after": f"state: {result['state']}{anew}\n"}}


def sources(arguments: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the script, unless the program may only be to be stopped."""
    name = arguments.get("script")
    if isinstance(name, str) and arguments.get("state", "started") in ("started", "restarted"):
        yield Source("script", name)


MODULE = Module(
    name="program",
    summary="Something long that the node runs, in tmux or as a board's main program; it outlives the controller",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.RUN, Capability.FILES}),
    alternative=frozenset({Capability.FILES, Capability.REPL}),
    sources=sources,
    written=written,
    example="""\
- name: The pump runs
  program:
    name: pump
    script: scripts/pump.py
    args: [--rate, "4.5"]
    environment: {PUMP_PORT: /dev/ttyUSB0}
""",
    returns={
        "name": "the program",
        "state": "started, stopped (it has ended, or was stopped) or absent",
        "pid": "its process, while it runs; not on boards",
        "boot": "on boards: whether the board starts it",
        "since": "when it was last started (UTC)",
        "exit_status": "how it ended, once it has; 128 + signal when a signal (on a board: Ctrl-C) ended it",
        "output": "the last lines that it printed",
        "log": "the file on the node with all that it printed; on a board with the last 2 KiB",
    },
)
