"""MicroPython boards from Python: real interpreters, on a serial port and behind a WebREPL."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from hivectl import Hive, Node, aio
from hivectl.client.errors import (
    BoardResetError,
    BusyError,
    CommandError,
    NotLiteralError,
    RemoteCallError,
    ShellTimeoutError,
)
from hivectl.client.results import RunAllError
from hivectl.drivers.errors import CapabilityError, ConnectionLostError
from hivectl.micropython.errors import RemoteOSError, RemoteSyntaxError
from hivectl.micropython.repl import Repl
from hivectl.model.errors import InputError
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAB = """\
version: 1
nodes:
  usb: {driver: serial, virtual: pico-w, labels: {kind: board}}
  wifi: {driver: webrepl, virtual: pico-w, labels: {kind: board}}
  pi1: {driver: ssh, virtual: linux}
hives:
  all-of-them: {nodes: [usb, wifi, pi1]}
"""
BEACON = """\
class Beacon:
    def __init__(self):
        self.bright = 0
    def on(self, bright=9, *more, colour=None):
        self.bright = bright
        return (bright, more, colour)
    def off(self):
        raise OSError(5)
    def blink(self):
        print('blinking')
"""


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    (folder / "inventory").mkdir()
    (folder / "inventory/lab.yml").write_text(LAB)
    return folder / "inventory"


@pytest.fixture(scope="module")
def hive(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hive]:
    """Both boards and a Linux node, held for all tests of this file that use it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HIVECTL_STORE", str(tmp_path_factory.mktemp("store") / "lab.db"))
        with Hive("all-of-them", quorum=3, show=False, inventory=inventory) as made:
            yield made


@pytest.fixture(params=["usb", "wifi"])
def board(hive: Hive, request: pytest.FixtureRequest) -> Node:
    """Each of the boards in turn."""
    return hive[request.param]


def test_the_default_shell_keeps_its_state_and_shows_exactly_what_the_prompt_would(board: Node) -> None:
    assert board("x = 41") == ""
    assert board("x += 1; x") == "42\n"
    assert board("import os; print('é', end=''); os.uname().sysname\nfor i in range(2): i").startswith("é'")
    assert board("print('a' * 3000)") == "a" * 3000 + "\n"
    assert board("print('a\\rz\\n\\tb'); import sys; sys.stdout.write('c')") == "a\rz\n\tb\nc1\n"
    assert board.exec("x") == "42\n"  # there is one shell
    assert [shell.name for shell in board.shells] == [""]
    assert board.shells[0]("x") == "42\n"


def test_what_a_board_raises_is_typed_and_has_its_traceback(board: Node) -> None:
    failed = board("print('before')\n1/0")
    assert failed.failed
    assert failed.status is None
    assert failed.startswith('before\nTraceback (most recent call last):\n  File "<stdin>", line 2')
    apart = board.exec("print('before'); open('/none')")
    assert (apart, apart.failed) == ("before\n", True)
    assert apart.stderr.endswith("OSError: [Errno 2] ENOENT\n")
    with pytest.raises(CommandError, match=r"raised an exception: OSError: \[Errno 2\]") as caught:
        board("open('/none')", check=True)
    assert isinstance(caught.value.__cause__, RemoteOSError)
    assert caught.value.__cause__.errno == 2
    assert isinstance(board("for = (").error, RemoteSyntaxError)


def test_dotted_calls_are_forwarded(board: Node) -> None:
    board(BEACON + "beacon = Beacon()\nexec_ = 0")
    assert board.beacon.on() == (9, (), None)
    assert board.beacon.on(1, "zwei", colour=[0.5, None]) == (1, ("zwei",), [0.5, None])
    assert board.remote.beacon.blink() == "blinking"
    assert board.remote.exec("exec_ = 5") is None
    assert board("exec_; beacon.bright") == "5\n1\n"
    with pytest.raises(RemoteOSError, match="Errno 5") as caught:
        board.beacon.off()
    assert isinstance(caught.value, RemoteCallError)
    assert "line 8, in off" in caught.value.traceback
    with pytest.raises(RemoteCallError, match="NameError"):
        board.no_such.thing()
    with pytest.raises(NotLiteralError):
        board.beacon.on(object())
    with pytest.raises(AttributeError, match="underscore"):
        board.beacon._hidden()


def test_there_is_one_shell_and_no_standard_input(board: Node) -> None:
    for name in ("", "second"):
        with pytest.raises(CapabilityError, match="one shell, its REPL"):
            board.shell(name)
    with pytest.raises(CapabilityError, match="no standard input"):
        board.exec("1", stdin="x")
    with pytest.raises(ValueError, match="Ctrl-A"):
        board("print('\x04')")


def test_a_command_that_takes_too_long_is_stopped_and_the_state_stays(board: Node) -> None:
    board("kept = 1")
    with pytest.raises(ShellTimeoutError, match=r"longer than 0\.5 s and was stopped by Ctrl-C") as caught:
        board("print('begun')\nwhile True: pass", timeout=0.5)
    assert caught.value.output == "begun\n"
    assert board("kept") == "1\n"


def test_a_reset_is_told_once_and_never_hidden(board: Node) -> None:
    board("known = 1")
    with pytest.raises(BoardResetError, match="reset before the command ended: what it knew is gone"):
        board("import machine; machine.reset()")
    assert "NameError" in board("known")
    board("known = 2; import machine")
    with pytest.raises(BoardResetError):
        board.machine.soft_reset()
    assert board("3") == "3\n"


def test_a_reset_between_commands_is_told_before_the_next_one(board: Node) -> None:
    board("import machine, builtins; later = machine.reset")
    # as a watchdog would: while nobody waits for an answer
    behind = board._behind
    virtual: Any = behind._reach._sessions._virtual[board.name]

    async def reset() -> None:
        await virtual.device.reset()

    board._call(reset())
    with pytest.raises(BoardResetError, match="what it knew is gone"):
        board("builtins.ran = True")
    assert "AttributeError" in board("import builtins; builtins.ran")


def test_a_line_that_breaks_is_told_from_a_reset(board: Node, capfd: pytest.CaptureFixture[str]) -> None:
    board("kept = 1")
    virtual: Any = board._behind._reach._sessions._virtual[board.name]
    virtual.device.faults.drop_back_after = 1000
    with pytest.raises(ConnectionLostError, match="was not reset, what it knew is there"):
        board("print('x' * 900)\nprint('y' * 900)\nkept = 2\nwhile True: pass")
    assert board("kept") in ("1\n", "2\n")
    assert "own program" not in capfd.readouterr().err


def test_files_go_and_come(board: Node, tmp_path: Path) -> None:
    (tmp_path / "main_task.py").write_text("print('task')\n")
    assert board.put(tmp_path / "main_task.py", "/task.py")
    assert not board.put(tmp_path / "main_task.py", "/task.py")
    board("with open('/made', 'wb') as f: f.write(bytes(range(256)))")
    assert board.get("/made", tmp_path / "back").read_bytes() == bytes(range(256))
    (tmp_path / "lib/deep").mkdir(parents=True)
    (tmp_path / "lib/one.py").write_text("one = 1\n")
    (tmp_path / "lib/deep/two.py").write_text("two = 2\n")
    assert board.sync(tmp_path / "lib", "/lib")
    assert not board.sync(tmp_path / "lib", "/lib")
    assert board("from deep.two import two; two") == "2\n"
    with pytest.raises(CommandError, match="none"):
        board.get("/none", tmp_path / "x")


def test_a_folder_travels_in_few_programs(
    board: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "controllers"
    (folder / "deep").mkdir(parents=True)
    for number in range(30):
        (folder / ("deep" if number % 2 else "") / f"c{number}.py").write_text(
            f"number = {number}\n" * number
        )
    programs: list[Any] = []
    attempt = Repl.attempt

    async def counted(repl: Repl, code: Any, **options: Any) -> Any:
        programs.append(code)
        return await attempt(repl, code, **options)

    board("1")
    monkeypatch.setattr(Repl, "attempt", counted)
    for send in (partial(board.put, folder, "/put"), partial(board.sync, folder, "/synced")):
        programs.clear()
        assert send()
        assert len(programs) <= 6, programs
        programs.clear()
        assert not send()
        assert len(programs) <= 2, programs
    assert board("import os; os.listdir('/put'), len(os.listdir('/synced'))") == "(['controllers'], 16)\n"


PUMP = """\
import sys, time
print('rate', *sys.argv[1:])
for number in range(3):
    print('tick', number)
    time.sleep(0.3)
sys.exit(3)
"""
LOOP = """\
import time
print('begun')
while True:
    time.sleep(0.05)
"""


def test_a_task_is_the_boards_one_program(board: Node, tmp_path: Path) -> None:
    (tmp_path / "pump.py").write_text(PUMP)
    board("known = 1")
    task = board.set_task("Pump calibration", script=tmp_path / "pump.py", args=[4.5])
    assert (task.name, task.pid) == ("Pump calibration", None)
    assert "T" in task.since
    whole = "rate 4.5\ntick 0\ntick 1\ntick 2\n"
    assert "".join(task.follow()) == whole
    assert task.wait() == 3
    assert (task.state, task.exit_status, task.output) == ("ended", 3, whole)
    with pytest.raises(CommandError, match="ended with 3"):
        task.wait(check=True)
    # it began in a fresh interpreter, as was told
    assert "NameError" in board("known")
    with pytest.raises(CommandError, match="no `command`"):
        board.set_task("x", command="ls")


def test_while_a_task_runs_nothing_interrupts_it(board: Node, hive: Hive, tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(LOOP)
    task = board.set_task("loop", script=tmp_path / "loop.py")
    since = task.since
    uses = (
        board,
        board.exec,
        lambda _: board.sync(tmp_path, "/x"),
        lambda _: board.beacon.on(),
    )
    for use in uses:
        with pytest.raises(BusyError, match=r"loop runs in it .*one thing at a time"):
            use("1")
    with pytest.raises(ShellTimeoutError, match="still runs"):
        task.wait(0.3)
    assert {row["node"]: row["state"] for row in hive.status()}[board.name] == "busy"
    again = board.set_task("loop", script=tmp_path / "loop.py")
    assert (again.since, again.state, list(board.tasks)) == (since, "running", ["loop"])
    assert task.stop().state == "ended"
    assert task.exit_status == 130
    assert board("5") == "5\n"
    task.remove()
    assert (task.state, board.tasks, board.task) == ("absent", {}, None)


def test_a_task_outlives_our_connection_and_is_found_again(
    board: Node, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loop.py").write_text(LOOP)
    heard = board.set_task("loop", script=tmp_path / "loop.py").follow()
    said = ""
    while not said.endswith("begun\n"):
        said += next(heard)
    behind = board._behind

    async def let_go() -> None:
        await (await behind._reach._sessions.of(board.name)).close()

    board._call(let_go())
    # who connects to a board interrupts it
    found = board.tasks["loop"]
    assert (found.state, found.output, found.exit_status) == ("interrupted", "begun\n", None)
    assert board("1") == "1\n"
    assert "program was interrupted; it begins anew when the board is let go" in capfd.readouterr().err
    with pytest.raises(ShellTimeoutError):
        found.wait(0.3)
    assert found.state == "running"
    board._call(let_go())
    assert board.tasks["loop"].state == "interrupted"
    assert found.stop().state == "ended"
    assert [task.state for task in board.tasks.values()] == ["ended"]


def test_a_mixed_hive_does_things_together(hive: Hive) -> None:
    assert hive.accepted == ("usb", "wifi", "pi1")
    hive.pi1("python3 -q")
    assert hive.run_all("a = 6; a * 7") == {"usb": "42\n", "wifi": "42\n", "pi1": "42\n"}
    results = hive.run_all_seq("a / 0", 0.01)
    assert [output.failed for output in results.values()] == [True, True, True]
    with pytest.raises(RunAllError, match="usb: raised an exception"):
        results.check()
    rows = {row["node"]: row for row in hive.status()}
    assert {row["state"] for row in rows.values()} == {"ok"}
    assert "Pico W" in rows["usb"]["host"]
    assert rows["wifi"]["uptime"].startswith("up ")


def test_the_asynchronous_face_takes_a_board_for_each_call(inventory: Path) -> None:
    async def use() -> None:
        node = aio.Node("usb", inventory=inventory)
        try:
            first, second = await asyncio.gather(node("y = 3"), node("y"))
            assert (first, second) == ("", "3\n")
            assert await node.max(1, 2) == 2
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await node("while True: pass")
            assert await node("y") == "3\n"
        finally:
            await node.close()

    asyncio.run(use())


def test_a_shell_of_ones_own_is_for_linux(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text(
        "version: 1\nnodes:\n  usb: {driver: serial, virtual: pico-w, shell: python3}\n"
    )
    with pytest.raises(InputError, match=r"lab\.yml:3:.*`shell:` is for Linux nodes"):
        Node("usb", inventory=tmp_path / "lab.yml")


def test_files_go_and_come_beside_a_program_where_webrepl_is_the_way(hive: Hive, tmp_path: Path) -> None:
    board = hive.wifi
    (tmp_path / "count.py").write_text(
        "import time\nn = 0\nwhile True:\n    n += 1\n    print(n)\n    time.sleep(0.05)\n"
    )
    (tmp_path / "levels.bin").write_bytes(bytes(range(256)) * 9)
    task = board.set_task("count", script=tmp_path / "count.py")
    try:
        assert board.put(tmp_path / "levels.bin", "/")
        back = board.get("~/levels.bin", tmp_path / "back.bin")
        assert back.read_bytes() == (tmp_path / "levels.bin").read_bytes()
        with pytest.raises(BusyError):
            board("1")
        with pytest.raises(BusyError):
            board.sync(tmp_path, "/all")
        assert task.state == "running"
        before = len(task.output.splitlines())
        wait_until(lambda: len(task.output.splitlines()) > before)
    finally:
        task.remove()
    assert board("import os; 'levels.bin' in os.listdir()") == "True\n"
