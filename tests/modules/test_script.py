"""Scripts: large ones, ones that are stopped, and that nothing is left of them."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.secret import Secret
from tests.support.helper import pid_in, wait_until_gone
from tests.support.tasks import TaskOnThisMachine, connect, do, perform

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="place")
def fixture_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose `tmp` is where scripts are put."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return tmp_path


def make(place: Path, text: str) -> str:
    path = place / "script.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    return str(path)


def left(place: Path) -> list[str]:
    return [path.name for path in (place / "tmp").iterdir()]


def test_a_large_script_is_sent_in_pieces_and_removed(place: Path) -> None:
    text = "\n".join(f"# {number:060}" for number in range(40_000))

    result = do("script", {"cmd": make(place, f"{text}\necho done $1") + " well"}, place)

    assert result["stdout"] == "done well\n"
    assert left(place) == []


def test_an_encrypted_file_is_refused_with_the_way_out(place: Path) -> None:
    (place / "sealed").write_text("$ANSIBLE_VAULT;1.1;AES256\n3361\n")

    for module, arguments in (
        ("script", {"cmd": f"{place}/sealed"}),
        ("copy", {"src": f"{place}/sealed", "dest": f"{place}/there"}),
        ("template", {"src": f"{place}/sealed", "dest": f"{place}/there"}),
    ):
        result = do(module, arguments, place)
        assert f"{place}/sealed is encrypted with ansible-vault" in result["msg"]
    assert not (place / "there").exists()


@pytest.mark.parametrize("text", ["exit 3", "kill -9 $$", 'rm -rf "$0"', 'chmod 000 "$(dirname "$0")"'])
def test_nothing_is_left_however_it_ends(place: Path, text: str) -> None:
    do("script", {"cmd": make(place, text)}, place)

    assert left(place) == []


def test_nothing_is_left_when_it_is_stopped(place: Path) -> None:
    async def whole() -> int:
        connection = await connect(place / ".state")
        context = TaskOnThisMachine(folder=place, open_connection=connection)
        script = make(place, f"echo $$ >{place}/pid.new; mv {place}/pid.new {place}/pid; sleep 100")
        try:
            task = asyncio.create_task(perform("script", {"cmd": script}, context))
            pid = await pid_in(place / "pid")
            assert left(place)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        finally:
            await connection.close()
        return pid

    wait_until_gone(asyncio.run(whole()))

    assert left(place) == []


def test_what_a_killed_helper_left_goes_with_the_next(place: Path) -> None:
    dead = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(dead, 0)
    (place / "tmp" / f".hivectl-script-{dead}-x").mkdir()
    (place / "tmp" / f".hivectl-script-{os.getpid()}-x").mkdir()

    do("script", {"cmd": make(place, "exit 0")}, place)

    assert left(place) == [f".hivectl-script-{os.getpid()}-x"]


def test_nobody_else_can_look_into_it(place: Path) -> None:
    result = do("script", {"cmd": make(place, 'stat -c %a "$0" "$(dirname "$0")"')}, place)

    assert result["stdout_lines"] == ["700", "700"]


def test_a_secret_argument_reaches_it(place: Path) -> None:
    given: dict[str, Any] = {"cmd": Secret(make(place, 'printf %s "$1" | wc -c') + " hunter2")}

    assert do("script", given, place)["stdout"].strip() == "7"


def test_the_environment_of_the_task_reaches_it(place: Path) -> None:
    result = do("script", {"cmd": make(place, "echo $PUMP")}, place, environment={"PUMP": "on"})

    assert result["stdout"] == "on\n"


def test_a_script_that_is_not_there_is_named(place: Path) -> None:
    result = do("script", {"cmd": "no-such.sh --option"}, place)

    assert result["failed"]
    assert "no-such.sh" in result["msg"]
