"""A board that does not answer is brought back by its power, once; nobody else's power is touched."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import Lab, make_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sshd import Sshd


def lab_of(folder: Path, host: Sshd, **more: Any) -> Lab:
    """Make a lab of one node that answers only once its power was switched."""
    state = folder / "state.txt"
    state.write_text("on")
    power = {
        "backend": "command",
        "turn_on": ["sh", "-c", f"printf on > {state}; echo on >> {folder}/log"],
        "turn_off": ["sh", "-c", f"printf off > {state}; echo off >> {folder}/log"],
        "read": ["cat", str(state)],
    }
    node = {"driver": "ssh", **host.attributes, "power": power, **more}
    lab = make_lab(folder, json.dumps({"version": 1, "nodes": {"board1": node}}))
    lab.write("play.yml", "- hosts: all\n  tasks:\n    - copy: {content: x, dest: ~/x}\n")
    return lab


@contextmanager
def hanging(host: Sshd, folder: Path) -> Iterator[None]:
    """Have a host that is down come back when its power was off and on."""
    host.stop()
    over = threading.Event()

    def wait() -> None:
        while not over.wait(0.05):
            if (folder / "log").exists() and (folder / "log").read_text() == "off\non\n":
                host.start()
                return

    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_board_that_hangs_is_brought_back_once(tmp_path: Path, sshd_host: Sshd) -> None:
    lab = lab_of(tmp_path, sshd_host, board="pico-w")
    with hanging(sshd_host, tmp_path):
        done = lab.run("apply", "play.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "does not answer: its power is switched off and on" in done.stdout
    assert (sshd_host.home / "x").read_text() == "x"
    assert (tmp_path / "log").read_text() == "off\non\n"


@pytest.mark.parametrize(("command", "board"), [("plan", "pico-w"), ("apply", None)])
def test_looking_and_computers_switch_nothing(
    command: str, board: str | None, tmp_path: Path, sshd_host: Sshd
) -> None:
    lab = lab_of(tmp_path, sshd_host, **({"board": board} if board else {}))
    sshd_host.stop()
    done = lab.run(command, "play.yml")
    assert done.returncode == 4, done.stdout
    assert not (tmp_path / "log").exists()
