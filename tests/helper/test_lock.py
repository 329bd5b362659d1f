"""`.hivelock`: who may change a node, and what the node remembers of a run."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from hivectl.drivers.errors import FenceError, HelperError
from hivectl.helper.operations import Batch, Content, Fence, Item, Progress, Run, Write
from tests.support.helper import carry_out, indexes_until, items_of, local, results_of, with_connection


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("SUDO_UID", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    return folder


def fence(token: int, store: str = "lab", owner: str = "ann@bench", seconds: float = 60.0) -> Fence:
    return Fence(store=store, token=token, owner=owner, time_to_live=seconds)


def state(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / ".hivelock").read_text())
    return found


TRUE = Run(script="true")


def test_the_file_says_who_until_when_and_what(home: Path) -> None:
    carry_out(TRUE, fence=fence(3))
    assert stat.S_IMODE((home / ".hivelock").stat().st_mode) == 0o600
    found = state(home)
    assert (found["store"], found["token"], found["owner"]) == ("lab", 3, "ann@bench")
    assert found["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert found["progress"] == {"run": "run-1", "key": "0", "ended": True, "rc": 0}
    assert [path.name for path in home.iterdir()] == [".hivelock"]


def test_without_a_fence_nothing_is_left(home: Path) -> None:
    carry_out(TRUE)
    assert not list(home.iterdir())


@pytest.mark.parametrize("token", [3, 4])
def test_the_same_or_a_newer_claim_of_the_store_is_taken(home: Path, token: int) -> None:
    carry_out(TRUE, fence=fence(3))
    assert carry_out(TRUE, fence=fence(token, owner="bob@desk"))[0].result["changed"] is True
    assert state(home)["token"] == token


@pytest.mark.usefixtures("home")
def test_an_older_claim_of_the_store_is_refused_for_ever() -> None:
    carry_out(TRUE, fence=fence(3, seconds=0))
    with pytest.raises(
        FenceError, match=r"token 2\) is older than that of ann@bench \(token 3, until .*Z"
    ) as raised:
        carry_out(TRUE, fence=fence(2))
    assert raised.value.node == "here"
    with_connection(lambda connection: connection.unlock(fence(3)))
    with pytest.raises(FenceError):
        carry_out(TRUE, fence=fence(2))


def test_another_store_waits_until_the_claim_ends(home: Path) -> None:
    carry_out(TRUE, fence=fence(3))
    with pytest.raises(FenceError, match="held by ann@bench, who uses another lab's store, until"):
        carry_out(TRUE, fence=fence(1, store="other"))
    # given back
    with_connection(lambda connection: connection.unlock(fence(3)))
    carry_out(TRUE, fence=fence(1, store="other", seconds=0))
    assert state(home)["token"] == 1
    # expired
    carry_out(TRUE, fence=fence(3))
    assert state(home)["store"] == "lab"


def test_an_old_claim_cannot_give_back_a_newer_one(home: Path) -> None:
    carry_out(TRUE, fence=fence(3))
    with_connection(lambda connection: connection.unlock(fence(2)))
    with_connection(lambda connection: connection.unlock(fence(9, store="other")))
    assert state(home)["returned"] is False
    assert state(home)["token"] == 3


@pytest.mark.parametrize(("seconds", "free"), [(0.0, True), (1e9, False)])
def test_a_reboot_ends_a_claim_after_its_time_and_not_before(home: Path, seconds: float, free: bool) -> None:  # noqa: FBT001 - a table
    carry_out(TRUE, fence=fence(3, seconds=seconds))
    found = state(home)
    # the clock of another boot says nothing
    found.update(boot="another", expires=0 if not free else 1e12)
    (home / ".hivelock").write_text(json.dumps(found))
    if free:
        carry_out(TRUE, fence=fence(1, store="other"))
    else:
        with pytest.raises(FenceError):
            carry_out(TRUE, fence=fence(1, store="other"))


@pytest.mark.parametrize(
    "content",
    ["", "locked by hand\n", "[1]", '{"token": 1}', "{", '{"version":1,"token":"x","store":"s","expires":1}'],
)
def test_a_file_that_is_not_ours_is_somebodys(home: Path, content: str) -> None:
    (home / ".hivelock").write_text(content)
    with pytest.raises(FenceError, match=r"held by an unknown party.*remove the file"):
        carry_out(TRUE, fence=fence(1))
    with pytest.raises(FenceError):
        with_connection(lambda connection: connection.progress("run-1"))
    assert (home / ".hivelock").read_text() == content


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    (home / ".hivelock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HelperError, match="cannot be used"):
        carry_out(TRUE, fence=fence(1))
    assert (tmp_path / "elsewhere").read_text() == "{}"


def test_no_home_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/no/such/home")
    with pytest.raises(HelperError, match=r"/no/such/home/\.hivelock"):
        carry_out(TRUE, fence=fence(1))
    # what needs no lock goes on
    assert carry_out(TRUE)[0].result["rc"] == 0


def test_a_fence_that_is_lost_in_mid_batch_stops_the_batch(home: Path, tmp_path: Path) -> None:
    newer = json.dumps(
        {"version": 1, "store": "lab", "token": 9, "owner": "bob@desk", "expires": 0, "until": "noon"}
    )
    items = items_of(
        [
            Run(script="true"),
            Run(script=f"echo '{newer}' > ~/.new && mv ~/.new ~/.hivelock"),
            Write(path=f"{tmp_path}/never", content=Content.of(b"x")),
        ]
    )

    async def work(connection: Any) -> list[int]:
        batch = Batch(run="r", items=items, fence=fence(3))
        return await indexes_until(FenceError, "bob@desk", connection.operate(batch))

    assert with_connection(work) == [0, 1]
    assert not (tmp_path / "never").exists()
    assert state(home)["token"] == 9


def test_progress_survives_a_helper_that_is_killed(home: Path) -> None:
    items = (
        Item(key="first", step=0, chain=0, operation=TRUE),
        Item(key="second", step=1, chain=0, operation=Run(script="kill -9 $PPID; sleep 5")),
    )

    async def crash(connection: Any) -> None:
        await results_of(connection, Batch(run="r7", items=items, fence=fence(3)))

    with pytest.raises(Exception, match="broke"):
        with_connection(crash)
    assert with_connection(lambda connection: connection.progress("r7")) == Progress(run="r7", key="second")
    assert with_connection(lambda connection: connection.progress("r8")) == Progress(run="r8")
    # whoever resumes comes with a newer token, and learns what was in flight
    carry_out(Write(path=f"{home}/x", content=Content.of(b"x")), fence=fence(4))
    assert with_connection(lambda connection: connection.progress("r7")).key == "second"


def test_an_idempotent_operation_leaves_no_word(home: Path) -> None:
    carry_out(Write(path=f"{home}/x", content=Content.of(b"x")), fence=fence(4))
    assert state(home)["progress"] is None


def test_renewing_lengthens_the_claim(home: Path) -> None:
    carry_out(TRUE, fence=fence(3, seconds=1))
    first = state(home)["expires"]

    async def renew(connection: Any) -> None:
        await connection._helpers.renew(fence(3, seconds=500))

    with_connection(renew)
    assert state(home)["expires"] > first + 400


def test_two_helpers_at_once_keep_the_file_whole(home: Path) -> None:
    import asyncio

    async def main() -> None:
        connections = [local() for _ in range(4)]
        batch = Batch(run="r", items=items_of([TRUE] * 15), fence=fence(3))
        try:
            async with asyncio.TaskGroup() as group:
                for connection in connections:
                    group.create_task(results_of(connection, batch))
        finally:
            for connection in connections:
                await connection.close()

    asyncio.run(main())
    assert state(home)["token"] == 3
    assert [path.name for path in home.iterdir()] == [".hivelock"]


def test_a_home_without_the_right_to_write_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.chmod(0o500)
    if os.geteuid() == 0:
        monkeypatch.setenv("HOME", "/sys")  # root may write everywhere, but nobody makes files there
    with pytest.raises(HelperError, match="Permission denied"):
        carry_out(TRUE, fence=fence(1))


def test_a_claim_stands_as_long_as_an_operation_takes(home: Path) -> None:
    # looks at the file when the claim would have ended without being renewed
    script = "sleep 0.9; cat ~/.hivelock; cut -d' ' -f1 /proc/uptime"
    (result,) = carry_out(Run(script=script), fence=fence(3, seconds=0.6))
    lock, uptime = result.result["stdout"].splitlines()
    assert json.loads(lock)["expires"] > float(uptime)
    assert state(home)["progress"]["ended"] is True
