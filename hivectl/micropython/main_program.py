"""The one program that a board runs: put there whole, started now and at each start of the board, looked at, stopped.

A board does one thing at a time. Whoever needs its REPL interrupts the program, which notes what it printed and that
it was interrupted; where `main.py` starts it, it begins anew when the connection is closed (the drivers' `resume`).

What is kept on the board, in /hivectl: `runner.py` (what runs the program), `script.py`, `settings` (a literal: name,
fingerprint, arguments, directory, log, boot), `state` (a literal: when it was started, and how it ended), `output`
(the last 2 KiB that it printed, written when it ends or is interrupted, and every five minutes: flash wears out).
`/main.py` is ours as long as its first line says so, and starts the runner.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, Protocol

from hivectl.micropython.contents import measure
from hivectl.micropython.files import Look
from hivectl.micropython.main_runner import RUNNER
from hivectl.micropython.outcome import Background
from hivectl.model.node_errors import NodeError, UnreachableError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from hivectl.micropython.files import Files
    from hivectl.micropython.repl import Repl

FOLDER = "/hivectl"
SCRIPT = f"{FOLDER}/script.py"
OUTPUT = f"{FOLDER}/output"
MAIN = "/main.py"
INTERRUPTED = 130  # as a shell says it: 128 + SIGINT
# first line of a main.py that is ours
OURS = "# hivectl: the program "
MAIN_TEXT = """\
{ours}{name}. Written at its start, removed when it is stopped.
with open("/hivectl/runner.py") as _f:exec(_f.read(),{{"SINCE":""}})
"""
NOW_TEXT = 'with open("/hivectl/runner.py") as _f:exec(_f.read(),{{"SINCE":{since!r}}})\n'
# milliseconds since a program ended, if that was since the interpreter was started: a name among its builtins
AGO = """\
def _hivectl_ago():
 t = __import__("time")
 try: return t.ticks_diff(t.ticks_ms(), hivectl_ended)
 except NameError: return None
"""
# prints what there is of a program
LOOK = f"""{AGO}
def _hivectl_look():
 def text(path, size):
  try:
   with open(path, "rb") as f: return f.read(size)
  except OSError: return None
 settings = text("{FOLDER}/settings", 4096)
 log = eval(settings)["log"] if settings else None
 return text("{MAIN}", 120), settings, text("{FOLDER}/state", 120), text(log or "{OUTPUT}", 2048), _hivectl_ago()
print(repr(_hivectl_look()))
del _hivectl_look, _hivectl_ago
"""


class Board(Protocol):
    """A connection to a board; `hivectl.drivers.base.BoardConnection` is one."""

    @property
    def repl(self) -> Repl:
        """The board's raw REPL."""
        ...

    @property
    def files(self) -> Files:
        """The board's files through it."""
        ...


class OtherMainError(NodeError):
    """The board has a main.py of its own, which is nobody's to overwrite."""


@record(kw_only=True)
class BoardProgram:
    """A program for a board.

    Attributes:
        name: of the program.
        script: its text.
        args: for it in sys.argv, behind the path.
        directory: where it starts.
        log: file on the board with what it printed last; None: one of ours.
        boot: it starts at each start of the board, and again whenever it was interrupted for somebody's REPL.
    """

    name: str
    script: bytes
    args: tuple[str, ...] = ()
    directory: str = "/"
    log: str | None = None
    boot: bool = True

    @property
    def fingerprint(self) -> str:
        """Of everything that, changed, means a new start."""
        parts = [
            hashlib.sha256(self.script).hexdigest(),
            self.name,
            self.args,
            self.directory,
            self.log,
            self.boot,
        ]
        return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def settings(self) -> bytes:
        """The text of `settings` on the board."""
        values = {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "args": list(self.args),
            "directory": self.directory,
            "log": self.log,
            "boot": self.boot,
        }
        return f"{values!r}\n".encode()


@record(kw_only=True)
class ProgramSeen:
    """How the program of a name stands.

    Attributes:
        name: of the program.
        state: "started", "stopped" (it has ended, or was stopped) or "absent".
        since: when it was last started (UTC); "" where the board has no clock.
        exit_status: how it ended: 0, what it gave to sys.exit, 1 for an exception, 130 when it was interrupted.
        output: the last that it printed.
        log: the file on the board with that.
        fingerprint: of the program that is there.
        boot: the board starts it.
        live: it runs, and this connection hears it; else it was interrupted when the connection was opened.
        other: the name of another program that is there, in whose place this one would be.
        foreign: the board has a main.py of its own.
    """

    name: str
    state: str
    since: str = ""
    exit_status: int | None = None
    output: str = ""
    log: str = OUTPUT
    fingerprint: str = ""
    boot: bool = False
    live: bool = False
    other: str | None = None
    foreign: bool = False


async def status(board: Board, name: str) -> ProgramSeen:
    """Look at a program, in one round trip; one that runs since `start` on this connection goes on meanwhile.

    Args:
        board: an open connection. Opening it has interrupted what ran: it counts as started where it begins again.
        name: of the program.

    Raises:
        NodeError: as `Repl.execute`.
    """
    background = board.repl.background
    if background is not None:
        outcome = await board.repl.watch(0)
        if outcome is None and background.label == name:
            return ProgramSeen(
                name=name,
                state="started",
                since=background.since,
                output=_text(bytes(background.output)),
                log=background.log,
                fingerprint=background.fingerprint,
                boot=background.boot,
                live=True,
            )
    *found, ago = board.repl.literal(await board.repl.execute(LOOK))
    caught = _since_we_came(board.repl, ago)
    seen = _seen(name, *found, interrupted=board.repl.interrupted, caught=caught)
    board.repl.interrupted |= caught
    return seen


async def caught_by(repl: Repl) -> bool:
    """Tell whether a program of ours caught the interrupt of whoever opened this connection, and ended.

    Raises:
        NodeError: as `Repl.execute`.
    """
    if not repl.doubtful:
        return False
    ago = await repl.execute(f"{AGO}print(_hivectl_ago())\ndel _hivectl_ago\n")
    return _since_we_came(repl, repl.literal(ago))


def _since_we_came(repl: Repl, ago: int | None) -> bool:
    """Whether a program that ended so many milliseconds ago did so since a prompt was asked for, and not at once had."""
    return repl.doubtful and ago is not None and ago <= 1000 * (time.monotonic() - repl.asked)


async def start(
    board: Board,
    program: BoardProgram,
    *,
    reconnect: Callable[[], Awaitable[Board]],
    settle: float = 0.5,
) -> ProgramSeen:
    """Put a program on the board in the place of the one that is there, and start it in a fresh interpreter.

    It goes on when the connection is closed. What uses the REPL of this connection next interrupts it; with `boot` it
    begins again when the connection is closed.

    Args:
        board: an open connection.
        program: what is to run.
        reconnect: opens a connection anew; for those that are lost when the interpreter starts, such as WebREPL.
        settle: seconds for which it is watched.

    Returns:
        How it stands then: one that has ended already is "stopped", with its exit status.

    Raises:
        OtherMainError: the board has a main.py of its own; nothing was changed.
        NodeError: as `Files.put`, and what `reconnect` raises.
    """
    before = await status(board, program.name)
    refuse_foreign(before, program)
    if before.state != "absent" or before.other is not None:
        await _remove_boot(board)
        await _forget(board)
    await _put(board, program)
    return await begin(
        board,
        ProgramSeen(
            name=program.name,
            state="started",
            log=program.log or OUTPUT,
            fingerprint=program.fingerprint,
            boot=program.boot,
        ),
        reconnect=reconnect,
        settle=settle,
    )


async def begin(
    board: Board, seen: ProgramSeen, *, reconnect: Callable[[], Awaitable[Board]], settle: float = 0.0
) -> ProgramSeen:
    """Start the program that is on the board, in a fresh interpreter; arguments, result and errors as of `start`."""
    board = await fresh(board, reconnect)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    background = Background(
        label=seen.name, since=since, log=seen.log, fingerprint=seen.fingerprint, boot=seen.boot
    )
    await board.repl.begin(NOW_TEXT.format(since=since), background)
    await board.repl.watch(settle)
    return await status(board, seen.name)


def refuse_foreign(seen: ProgramSeen, program: BoardProgram, node: str | None = None) -> None:
    """Leave a main.py of the board's own alone; raises OtherMainError."""
    if program.boot and seen.foreign:
        raise OtherMainError(
            "the board has a main.py that is not hivectl's, and would no longer run it",
            node=node,
            hint="remove it (`file: {path: /main.py, state: absent}`), or write `boot: false`",
        )


async def stop(board: Board, name: str, *, reconnect: Callable[[], Awaitable[Board]]) -> ProgramSeen:
    """Stop a program, and let the board start it no more; one that is absent, or another, stays as it is.

    Raises:
        NodeError: as `status`, and what `reconnect` raises.
    """
    before = await status(board, name)
    if before.state == "absent":
        return before
    await _remove_boot(board)
    # its timers and threads end with the interpreter
    board = await fresh(board, reconnect)
    return await status(board, name)


async def remove(board: Board, name: str, *, reconnect: Callable[[], Awaitable[Board]]) -> ProgramSeen:
    """Stop a program and leave nothing of it on the board but its log; raises as `stop`."""
    before = await status(board, name)
    if before.state == "absent":
        return before
    await _remove_boot(board)
    await _forget(board)
    board = await fresh(board, reconnect)
    return await status(board, name)


async def fresh(board: Board, reconnect: Callable[[], Awaitable[Board]]) -> Board:
    """Start the board's interpreter anew, without main.py, and return the connection to it.

    Raises:
        NodeError: the board does not come back.
    """
    try:
        await board.repl.soft_reset()
    except UnreachableError:
        # WebREPL goes with the interpreter; main.py may have been started, and is interrupted by who connects
        board.repl.interrupted = False
        board = await reconnect()
    board.repl.interrupted = False
    return board


async def _put(board: Board, program: BoardProgram) -> None:
    """Put what differs there, each file whole or not at all, what starts it last."""
    wanted: dict[str, bytes] = {
        f"{FOLDER}/runner.py": RUNNER.encode(),
        SCRIPT: program.script,
        f"{FOLDER}/settings": program.settings,
    }
    if program.boot:
        wanted[MAIN] = MAIN_TEXT.format(ours=OURS, name=program.name).encode()
    measured = {path: await asyncio.to_thread(measure, content) for path, content in wanted.items()}
    able = "hashlib" in await board.files.features()
    looks = [Look(path, size if able else None) for path, (size, _) in measured.items()]
    found = dict(zip(wanted, await board.files.look(looks), strict=True))
    await board.files.make_directory(FOLDER)
    for path, content in wanted.items():
        there, digest = found[path], measured[path][1]
        if there is None or not able or there.digest != digest:
            await board.files.write(path, content, digest)


async def _remove_boot(board: Board) -> None:
    await board.repl.execute(
        f"import os\ntry:\n with open({MAIN!r}) as f:x=f.read({len(OURS)})=={OURS!r}\n"
        f" if x:os.remove({MAIN!r})\nexcept OSError:pass\n"
    )


async def _forget(board: Board) -> None:
    """Remove what tells of a program; the runner stays for the next one."""
    names = tuple(f"{FOLDER}/{name}" for name in ("settings", "state", "output", "script.py"))
    await board.repl.execute(f"import os\nfor p in {names!r}:\n try:os.remove(p)\n except OSError:pass\n")


def _seen(
    name: str,
    main: bytes | None,
    settings: bytes | None,
    state: bytes | None,
    output: bytes | None,
    *,
    interrupted: bool,
    caught: bool,
) -> ProgramSeen:
    ours = main is not None and main.startswith(OURS.encode())
    foreign = main is not None and not ours
    known = _literal(settings)
    if not isinstance(known, dict):
        return ProgramSeen(name=name, state="absent", foreign=foreign)
    if known.get("name") != name:
        return ProgramSeen(name=name, state="absent", other=str(known.get("name")), foreign=foreign)
    since, ended = _state(state)
    # who opened the connection has interrupted it, maybe before it could note that
    running = caught or (interrupted and ended in (INTERRUPTED, None))
    return ProgramSeen(
        name=name,
        state="started" if running else "stopped",
        since=since,
        exit_status=None if running else ended,
        output=_text(output or b""),
        log=known.get("log") or OUTPUT,
        fingerprint=str(known.get("fingerprint", "")),
        boot=ours,
        foreign=foreign,
    )


def _state(text: bytes | None) -> tuple[str, int | None]:
    found = _literal(text)
    if isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], int | None):
        return str(found[0]), found[1]
    return "", None


def _literal(text: bytes | None) -> Mapping[str, Any] | tuple[Any, ...] | None:
    """Read what was written on a board, where the power may have gone in between."""
    import ast

    try:
        found = ast.literal_eval((text or b"").decode("utf-8", "replace").strip())
    except (ValueError, SyntaxError):
        return None
    return found if isinstance(found, dict | tuple) else None


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").replace("\r\n", "\n")
