"""A Linux node whose default shell is at a board's prompt: mpremote in tmux, a real interpreter behind it."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from hivectl import Node
from hivectl.client.errors import RemoteCallError, ShellTimeoutError
from hivectl.virtual.board.device import Device
from hivectl.virtual.board.port import Port
from tests.support.tmux_hosts import TmuxLab, tmux_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def plugged_in(folder: Path) -> Iterator[Path]:
    """Run a board on a serial port, beside the test; yields the port."""
    ready, done = threading.Event(), threading.Event()
    link = folder / "tty"

    async def run() -> None:
        device = await Device.start("pico1", folder / "files")
        port = Port(device, link)
        ready.set()
        await asyncio.to_thread(done.wait)
        port.close()
        await device.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert ready.wait(60)
        yield link
    finally:
        done.set()
        thread.join()


@pytest.fixture(scope="module")
def mpremote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The command that leads to a board's prompt."""
    with plugged_in(tmp_path_factory.mktemp("board")) as port:
        yield f"{sys.executable} -m mpremote connect {port} repl"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, mpremote: str) -> Iterator[TmuxLab]:
    with tmux_lab(tmp_path_factory.mktemp("hosts"), runs=mpremote) as made:
        yield made


@pytest.fixture
def node(host: TmuxLab) -> Iterator[Node]:
    with Node("h1", inventory=host.inventory) as made:
        yield made
    host.end_tmux()
    (host.hosts[0].home / ".hivelock").unlink(missing_ok=True)


def test_its_prompt_is_found_and_its_output_exact(node: Node) -> None:
    assert node("x = 41") == ""
    assert node("x + 1") == "42\n"
    text = "abc\u00e4" * 300
    assert node(f"print({text!r}); len({text!r})") == f"{text}\n1200\n"
    shown = node("for i in range(3):\n    i\ndef f(a):\n    return a * 2\nf('ab')")
    assert shown == "0\n1\n2\n'abab'\n"
    assert node("print('a\\nb', end='')") == "a\nb"
    node(
        "class Beacon:\n    def on(self, *a): return a\n    def off(self): raise OSError(5)\nbeacon = Beacon()"
    )
    assert node.beacon.on(1, "zwei") == (1, "zwei")
    with pytest.raises(RemoteCallError, match="EIO"):
        node.beacon.off()


def test_what_it_raises_is_shown_without_our_wrapping(node: Node) -> None:
    failed = node("print('before')\n1/0")
    assert failed.failed
    assert failed == (
        "before\nTraceback (most recent call last):\n"
        '  File "<string>", line 2, in <module>\nZeroDivisionError: divide by zero\n'
    )
    assert "SyntaxError" in node("for = (")
    assert node("6 * 7") == "42\n"


def test_a_loop_is_stopped_and_half_a_line_taken_away(node: Node, host: TmuxLab) -> None:
    with pytest.raises(ShellTimeoutError, match="stopped by Ctrl-C"):
        node("kept = 1\nwhile True: pass", timeout=1.0)
    assert node("kept") == "1\n"
    host.tmux("send-keys", "-l", "print('half")
    assert node("kept + 1") == "2\n"
    host.tmux("send-keys", "-l", "if kept:")
    host.tmux("send-keys", "Enter")
    assert node("kept + 2") == "3\n"


def test_it_may_be_begun_from_a_shell(tmp_path: Path, mpremote: str) -> None:
    with tmux_lab(tmp_path) as lab, Node("h1", inventory=lab.inventory) as node:
        begun = node(mpremote)
        assert "Connected to MicroPython" in begun
        assert begun.status is None
        assert node("2 + 2") == "4\n"
        with pytest.raises(RemoteCallError, match="NameError"):
            node.nothing.there()
