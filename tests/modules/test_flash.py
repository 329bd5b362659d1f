"""`flash`, on virtual boards: their boot loaders take what those of the chips take."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine.sessions import Sessions
from hivectl.flash import uf2
from hivectl.flash.base import NoVolumeError
from hivectl.model.errors import Complaints, ExitCode
from hivectl.modules import flash
from hivectl.store.health import NodeHealth
from hivectl.virtual import registry
from hivectl.virtual.board.package import cache_folder
from tests.support.runs import Bench
from tests.support.uf2 import RP2350, micropython

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOARD = """\
version: 1
nodes:
  p1: {driver: serial, virtual: pico-w, board: pico-w}
"""
PLAY = """\
- hosts: p1
  tasks:
    - name: Firmware
      flash: {image: new.uf2}
    - name: What it runs
      repl: {code: "import os; print(os.uname().version)"}
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    home = tmp_path / "home"
    home.mkdir()
    # the interpreter stays where it is
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_folder().parent))
    monkeypatch.setenv("HOME", str(home))
    bench = Bench(tmp_path)
    bench.inventory.write_text(BOARD)
    return bench


def test_a_board_gets_new_firmware_once(bench: Bench) -> None:
    micropython(bench.folder / "new.uf2")
    looked = bench.run(PLAY, mode="check", diff=True)
    assert looked.statuses("p1")["Firmware"] == "changed"
    assert looked.result("Firmware", "p1")["diff"] == {
        "before": "MicroPython v1.27.0 on 2025-12-10 on Raspberry Pi Pico W with RP2040\n",
        "after": "new.uf2 (MicroPython v1.99.0 on 2026-02-03)\n",
    }
    done = bench.run(PLAY)
    assert done.ended.exit_code == ExitCode.DONE, done.said()
    flashed = done.result("Firmware", "p1")
    assert (flashed["changed"], flashed["before"], flashed["verified"]) == (
        True,
        "v1.27.0 on 2025-12-10",
        True,
    )
    assert "v1.99.0 on 2026-02-03" in done.result("What it runs", "p1")["stdout"]
    again = bench.run(PLAY)
    assert again.statuses("p1")["Firmware"] == "ok"


def test_each_virtual_board_has_a_usb_port_of_its_own(bench: Bench) -> None:
    second = "  p2: {driver: serial, virtual: pico2-ice-native, board: pico2-ice}\n"
    bench.inventory.write_text(BOARD + second)

    async def both() -> list[str | None]:
        sessions = Sessions(bench.lab())
        try:
            return [(await sessions.plug(node)).hub_port for node in ("p2", "p1")]
        finally:
            await sessions.close()

    assert asyncio.run(both()) == ["1-2", "1-1"]


def boards(monkeypatch: pytest.MonkeyPatch, prepare: Callable[[Any], None]) -> None:
    """Do something to each virtual board that starts."""
    start: Any = registry.start_virtual

    async def started(*words: Any, **named: Any) -> Any:
        board = await start(*words, **named)
        prepare(board)
        return board

    monkeypatch.setattr(registry, "start_virtual", started)


def test_a_board_that_went_away_is_quarantined_with_the_reason(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    micropython(bench.folder / "new.uf2")

    def cut(board: Any) -> None:
        board.usb.boot.unplug_after = 200

    with monkeypatch.context() as patch:
        boards(patch, cut)
        patch.setattr(uf2, "RETURNS", 0.5)
        done = bench.run(PLAY)
    assert done.statuses("p1") == {"Firmware": "failed"}
    assert "went away from USB port 1-1 after" in done.result("Firmware", "p1")["msg"]
    with closing(bench.lab().open_store()) as store:
        health = NodeHealth(store).of_all()["p1"]
        assert health.state == "quarantined"
        assert health.reason.startswith("flashing new.uf2: the board went away")
        NodeHealth(store).lift(["p1"])
    # plugged in again it comes up in its boot loader, which is known to be well
    again = bench.run(PLAY)
    assert again.statuses("p1") == {"Firmware": "changed", "What it runs": "changed"}


def test_a_board_that_got_nothing_is_said_to_wait_in_its_boot_loader(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    micropython(bench.folder / "new.uf2")

    async def refuses(*_: Any) -> int:
        raise NoVolumeError("the volume cannot be written; nothing was written", node="p1")

    monkeypatch.setattr(uf2, "_opened", refuses)
    done = bench.run(PLAY)
    assert done.result("Firmware", "p1")["msg"] == (
        "the volume cannot be written; nothing was written; the board waits in its boot loader, its firmware is as it was"
    )
    with closing(bench.lab().open_store()) as store:
        assert NodeHealth(store).of_all()["p1"].state == "healthy"


@pytest.mark.parametrize(
    ("waits", "all_or_none", "told"),
    [
        (True, True, "the board waits in its boot loader"),
        (False, True, "the board runs what it ran before, or all of what was written"),
        (False, False, "nobody knows what the board holds"),
    ],
)
def test_writing_that_is_broken_off_says_how_the_board_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, told: str, *, waits: bool, all_or_none: bool
) -> None:
    micropython(bench.folder / "new.uf2")

    async def breaks_off(*_: Any) -> int:
        # as a Ctrl-C does, and a task's `timeout`
        raise asyncio.CancelledError

    monkeypatch.setattr(uf2, "_copy", breaks_off)
    if not waits:
        monkeypatch.setattr(flash, "in_boot_loader", lambda _: False)
    if not all_or_none:
        monkeypatch.setattr(flash, "ALL_OR_NONE", frozenset())
    done = bench.run(PLAY)
    assert any(f"writing new.uf2 was broken off: {told}" in said for said in done.said()), done.said()
    with closing(bench.lab().open_store()) as store:
        assert NodeHealth(store).of_all()["p1"].state == ("healthy" if all_or_none else "quarantined")


def test_a_board_that_took_the_image_and_does_not_answer_is_quarantined(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.inventory.write_text(BOARD.replace("board: pico-w", "board: pico-w, enter_timeout: 0.5"))
    micropython(bench.folder / "new.uf2")

    def hang(board: Any) -> None:
        started = board.usb.boot._started

        def silently(firmware: Any) -> None:
            board.device.faults.hang = True
            started(firmware)

        board.usb.boot._started = silently

    boards(monkeypatch, hang)
    monkeypatch.setattr(flash, "PROMPT_SECONDS", 1.0)
    done = bench.run(PLAY)
    message = done.result("Firmware", "p1")["msg"]
    assert message.startswith(
        "the board took new.uf2 (MicroPython v1.99.0 on 2026-02-03), and does not answer"
    )
    with closing(bench.lab().open_store()) as store:
        assert NodeHealth(store).of_all()["p1"].state == "quarantined"


def test_boards_that_can_certainly_not_be_flashed_are_named_before_the_run(bench: Bench) -> None:
    bench.inventory.write_text(
        """\
version: 1
nodes:
  p1: {driver: serial, hub_port: 1-1}
  p2: {driver: serial, hub_port: 1-2}
  p3: {driver: serial, hub_port: 1-3, board: pico, on: bench1}
  p4: {driver: serial, hub_port: 1-4, board: nucleo}
  p5: {driver: serial, virtual: pico2-ice}
  p6: {driver: local, board: pico}
  p7: {driver: serial, virtual: pico-w}
  p8: {driver: serial, hub_port: 1-8, board: pico, on: p6}
"""
    )
    with pytest.raises(Complaints) as caught:
        bench.run("- hosts: all\n  gather_facts: false\n  tasks:\n    - flash: {image: new.uf2}\n")
    elsewhere = "only boards of the machine that hivectl runs on are flashed"
    assert [error.message for error in caught.value.errors] == [
        "p1, p2 cannot be flashed: the inventory does not say which kind of board this is",
        f"p3 cannot be flashed: the board is plugged into bench1, and {elsewhere}",
        'p4 cannot be flashed: there is no board "nucleo"',
        "p6 cannot be flashed: the inventory does not say where the board is plugged in",
    ]
    assert caught.value.errors[1].hint == (
        "run hivectl on bench1, with one inventory more behind the others: `nodes: {bench1: {driver: local}}`"
    )


START = "\nfrom hivectl.cli.main import main\nmain()\n"
DIES = """\
import os, signal
from hivectl.flash import uf2
from hivectl.modules import flash
def die():
    os.kill(os.getpid(), signal.SIGKILL)
async def dies(*_):
    die()
"""
MIDDLE = """
put, left = uf2._put, [3]
def deadly(descriptor, piece):
    put(descriptor, piece)
    left[0] -= 1
    if not left[0]:
        die()
uf2._put = deadly
"""
BEFORE, BEHIND = "uf2.touch = dies", "flash._verified = dies"


@pytest.mark.parametrize("moment", [BEFORE, MIDDLE, BEHIND], ids=["before", "middle", "behind"])
def test_a_run_that_was_killed_finds_out_what_became_of_the_flash(bench: Bench, moment: str) -> None:
    micropython(bench.folder / "new.uf2")
    play = bench.write(PLAY)
    killed = subprocess.run(
        [sys.executable, "-c", DIES + moment + START, "apply", str(play), "-i", str(bench.inventory)],
        cwd=bench.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    [journal] = bench.lab().run_folder().glob("*.jsonl")
    resumed = bench.run(None, resume=journal.stem, extra_variables={}, wait=60)
    assert resumed.ended.exit_code == ExitCode.DONE
    flashed = resumed.result("Firmware", "p1")
    assert (flashed["changed"], flashed["verified"]) == (True, True)
    assert (flashed.get("msg") == "it was written before the run was cut off") is (moment == BEHIND)
    said = [text for text in resumed.said() if "what was cut off is written again" in text]
    assert [text.partition(":")[0] for text in said] == {
        BEFORE: ["runs MicroPython v1.27.0 on 2025-12-10 on Raspberry Pi Pico W with RP2040"],
        MIDDLE: ["is in its boot loader"],
        BEHIND: [],
    }[moment]


def test_what_must_not_be_flashed_is_refused_before_the_board_is_touched(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.inventory.write_text(
        """\
version: 1
nodes:
  p1: {driver: serial, virtual: pico-w, board: pico2}
  p2: {driver: serial, hub_port: 9-9, board: pico, on: p4}
  p3: {driver: local}
  p4: {driver: local}
  p5: {driver: serial, hub_port: 7-7, board: pico}
  p6: {driver: webrepl, host: 127.0.0.1, password: secret, board: pico-w}
  p7: {driver: serial, hub_port: 1-1, board: nucleo}
"""
    )
    micropython(bench.folder / "pico2.uf2", family=RP2350)
    micropython(bench.folder / "pico.uf2")
    (bench.folder / "damaged.uf2").write_bytes((bench.folder / "pico.uf2").read_bytes()[:-100])
    (bench.folder / "empty.uf2").write_bytes(b"")
    (bench.folder / "text.txt").write_text("hello\n")
    (bench.folder / "nothing").mkdir()
    touched: list[str] = []

    async def noted(port: str, _node: str) -> None:
        touched.append(port)

    monkeypatch.setattr(uf2, "touch", noted)
    cases = [
        (
            "p1",
            "image: pico2.uf2",
            "the board says that it is a Raspberry Pi Pico W with RP2040, the inventory",
        ),
        ("p1", "image: pico.uf2", "made for RP2040, but the board is RP2350"),
        # p4 is this machine
        ("p2", "image: pico.uf2", "no board with the USB port 9-9 is plugged in"),
        ("p3", "image: pico.uf2", "does not say which kind of board this is"),
        ("p5", "image: pico.uf2", "no board with the USB port 7-7 is plugged in"),
        ("p6", "image: pico.uf2", "does not say where the board is plugged in"),
        ("p7", "image: pico.uf2", 'there is no board "nucleo"'),
        ("p5", "image: damaged.uf2", "no whole number of blocks"),
        ("p5", "image: empty.uf2", "the file is empty"),
        ("p5", "image: text.txt", "no image: it begins with"),
        ("p5", "image: nothing", "the folder holds no file"),
        ("p5", "image: nowhere.uf2", "there is no nowhere.uf2"),
        (
            "p5",
            "image: pico.uf2, flasher: esptool",
            "esptool does not put images of the kind uf2 on a board pico",
        ),
        ("p5", "image: pico.uf2, flasher: picotol", 'there is no flasher "picotol"'),
        ("p5", "image: pico.uf2, options: {baud: 9600}", "the flasher uf2 has no option 'baud'"),
    ]
    tasks = "".join(
        f"""
    - name: Case {number}
      when: inventory_hostname == '{node}'
      ignore_errors: true
      ignore_unreachable: true
      flash: {{{words}}}"""
        for number, (node, words, _) in enumerate(cases)
    )
    done = bench.run(f"- hosts: all\n  gather_facts: false\n  tasks:{tasks}\n")
    for number, (node, words, message) in enumerate(cases):
        result = done.result(f"Case {number}", node)
        assert result.get("failed") or ("is plugged in" in message and result.get("unreachable")), (
            words,
            result,
        )
        assert message in result["msg"], words
    assert touched == []
