"""The protocol: banners are skipped, nonsense is an error, nothing hangs, a lost controller leaves nothing half done."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hivectl.drivers.errors import ConnectionLostError, HelperError, NodeError
from hivectl.drivers.local import LocalChannel
from hivectl.helper import conversation
from hivectl.helper.bundle import OURS, SOURCE, bundle, preamble
from hivectl.helper.conversation import HelperSession
from hivectl.helper.encode import encode_batch
from hivectl.helper.launch import Launch, launch_helper
from hivectl.helper.operations import Batch, Content, Fence, Read, Run, Stat, Wait, Write
from tests.support.helper import carry_out, items_of, pid_in, wait_until_gone, with_connection

STATS = Batch(run="r", items=items_of([Stat(path="/"), Stat(path="/etc")]))
RESULT = {"t": "result", "i": 0, "s": 0.0, "r": {"changed": False}}


async def start(*argv: str) -> LocalChannel:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    return LocalChannel("m1", process)


def impostor(*lines: bytes, end: str = "cat > /dev/null") -> Any:
    """Return what starts a program that begins like the helper and then says `lines`."""

    async def open_channel(launch: Launch) -> LocalChannel:
        said = b"\n" + launch.marker + b" " + OURS.encode() + b"\n" + b"".join(line + b"\n" for line in lines)
        with tempfile.NamedTemporaryFile() as file:
            file.write(said)
            file.flush()
            channel = await start("sh", "-c", f"exec 3< {file.name}; echo; cat <&3; {end}")
            # opened before it is gone
            assert await channel.read(1) == b"\n"
        return channel

    return open_channel


def frame(**header: Any) -> bytes:
    return json.dumps(header).encode()


async def talk(open_channel: Any, batch: Batch = STATS) -> list[int]:
    """Carry a batch to a helper; return which items were answered."""
    async with asyncio.timeout(20):
        session = await HelperSession.start(open_channel, "m1")
        try:
            return [result.index async for result in session.operate(batch)]
        finally:
            await session.close()


@pytest.mark.parametrize(
    "lines",
    [
        [b"nonsense"],
        [b"[]"],
        [b'"x"'],
        [b"[" * 100000],
        [frame(t="result", i=7, s=0, r={})],
        [frame(t="result", i=-1, s=0, r={})],
        [frame(t="result", i="0", s=0, r={})],
        [frame(**RESULT), frame(**RESULT)],
        [frame(t="result", i=0, s=0)],
        [frame(t="result", i=0, s="long", r={})],
        [frame(t="result", i=0, s=0, h="long", r={})],
        [frame(t="result", i=0, s=0, r={}, out=-5)],
        [frame(t="result", i=0, s=0, r={}, out=5)],
        [frame(t="need", i=0)],
        [frame(t="data", i=0, bytes=1), b"x"],
        [frame(t="data", i=0, bytes=-1)],
        [frame(t="data", i=0, bytes=1 << 40)],
        [frame(t="answer")],
        [frame(t="fenced", msg="x"), frame(**RESULT)],
        [frame(x="y")],
    ],
    ids=lambda lines: lines[0][:40].decode(),
)
def test_nonsense_is_an_error_and_ends_the_session(lines: list[bytes]) -> None:
    with pytest.raises(HelperError, match=r"^m1: the helper spoke nonsense"):
        asyncio.run(talk(impostor(*lines)))


@pytest.mark.parametrize(
    "lines",
    [
        [
            frame(t="data", i=0, bytes=4),
            b"xyz",
            frame(t="result", i=0, s=0, r={"sha256": "0" * 64, "sent": True}),
        ],
        [frame(t="data", i=0, bytes=30), b"x" * 30],
    ],
)
@pytest.mark.parametrize("sink", [True, False])
def test_a_damaged_or_endless_file_is_refused(lines: list[bytes], sink: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a table
    operation = Read(path="/x", sink=tmp_path / "sink" if sink else None, limit=20)
    with pytest.raises(HelperError, match=r"damaged|more than the 20 bytes"):
        asyncio.run(talk(impostor(*lines), Batch(run="r", items=items_of([operation]))))
    assert not list(tmp_path.iterdir())


def test_a_line_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "LONGEST_HEADER", 1 << 20)
    with pytest.raises(HelperError, match="a line of more than"):
        asyncio.run(talk(impostor(end="exec 3<&0; exec tr '\\0' x < /dev/zero")))


def test_endless_banners_are_bounded() -> None:
    async def open_channel(_launch: Launch) -> LocalChannel:
        return await start("sh", "-c", "exec tr '\\0' x < /dev/zero")

    with pytest.raises(HelperError, match=r"^m1: .*in place of the helper's first word"):
        asyncio.run(talk(open_channel))


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        ("echo no such thing >&2; exit 1", HelperError, "no such thing"),
        ("exit 127", HelperError, "has no python3"),
        ("echo 'sh: 1: python3: not found' >&2; exit 127", HelperError, "has no python3: sh: 1"),
        ("exit 5", HelperError, "status 5"),
        ("echo hivectl-$NONCE old 3.6.9", HelperError, r"too old \(3\.6\.9\)"),
    ],
)
def test_a_helper_that_does_not_start_says_why(script: str, error: type[NodeError], said: str) -> None:
    async def open_channel(launch: Launch) -> LocalChannel:
        nonce = launch.marker.decode().partition("-")[2]
        return await start("sh", "-c", f"NONCE={nonce}; {script}")

    with pytest.raises(error, match=said):
        asyncio.run(talk(open_channel))


def test_a_python_that_is_too_old_is_done_without() -> None:
    launched = []

    async def open_channel(launch: Launch) -> LocalChannel:
        launched.append(launch)
        if len(launched) == 1:
            return await start("sh", "-c", f"echo; echo {launch.marker.decode()} old 3.6.9; exit 3")
        return await start(*launch.argv)

    assert asyncio.run(talk(open_channel)) == [0, 1]
    assert launched[1].argv[0] == "/bin/sh"


@pytest.mark.parametrize("ahead", [True, False])
def test_a_node_without_python_is_served_by_sh(ahead: bool) -> None:  # noqa: FBT001 - a table
    async def main() -> list[int]:
        async def open_channel(launch: Launch) -> LocalChannel:
            return await start("sh", "-c", launch.command)

        first = STATS if ahead else None
        session = await HelperSession.start(open_channel, "m1", python="no-such-python", first=first)
        try:
            return [result.index async for result in session.operate(STATS)]
        finally:
            await session.close()

    assert asyncio.run(main()) == [0, 1]


def test_sh_without_its_tools_names_what_is_missing() -> None:
    async def open_channel(launch: Launch) -> LocalChannel:
        return await start("env", "-i", "PATH=/nowhere", "/bin/sh", *launch.argv[1:])

    async def main() -> None:
        await HelperSession.start(open_channel, "m1", python="none")

    with pytest.raises(HelperError, match="neither Python nor dd"):
        asyncio.run(main())


def test_banners_before_the_marker_are_skipped() -> None:
    async def open_channel(launch: Launch) -> LocalChannel:
        return await start("sh", "-c", f"echo Welcome; printf 'no newline'; {launch.command}")

    assert asyncio.run(talk(open_channel)) == [0, 1]


def test_a_helper_that_goes_away_is_a_lost_connection_with_its_last_words() -> None:
    with pytest.raises(ConnectionLostError, match="the last words"):
        asyncio.run(talk(impostor(frame(**RESULT), end="sleep 0.1; echo the last words >&2; exit 1")))


def pythons() -> dict[str, str]:
    """Return the Pythons of this machine that a node may have, by version: the system's, and those of pyenv."""
    found = {"system": "/usr/bin/python3", "own": sys.executable}
    for python in sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python3")):
        _, minor, _ = python.parts[-3].split(".")
        if int(minor) >= 7:
            found[f"3.{minor}"] = str(python)
    return found


PYTHONS = pythons()


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS)
def test_other_pythons_get_the_source(python: str, tmp_path: Path) -> None:
    results = carry_out(
        Run(script="echo $((6 * 7)); exit 1", observes=True),
        python=python,
    )
    assert results[0].result["stdout"] == "42"
    results = carry_out(
        Write(path=f"{tmp_path}/f", content=Content.of(b"x" * 5000)),
        Stat(path=f"{tmp_path}/f"),
        python=python,
    )
    assert results[1].result["stat"]["size"] == 5000


def test_a_lost_controller_lets_the_operation_end_and_nothing_more(tmp_path: Path) -> None:
    launch = launch_helper(python=sys.executable)
    items = items_of([Run(script=f"sleep 0.4; touch {tmp_path}/done"), Run(script=f"touch {tmp_path}/never")])
    environment = {**os.environ, "HOME": str(tmp_path)}
    with subprocess.Popen(
        launch.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        batch = Batch(run="r", items=items, fence=Fence(store="s", token=1, owner="ann"))
        process.stdin.write(preamble(OURS, bytes(encode_batch(batch))))
        process.stdin.flush()
        lock = tmp_path / ".hivelock"
        end = time.monotonic() + 10
        while time.monotonic() < end and not (lock.exists() and '"progress":{' in lock.read_text()):
            time.sleep(0.01)
        # the controller dies
        process.stdout.close()
        process.stdin.close()
        assert process.wait(10) == 0
    assert (tmp_path / "done").exists()
    assert not (tmp_path / "never").exists()
    assert json.loads(lock.read_text())["progress"] == {"run": "r", "key": "0", "ended": True, "rc": 0}


def test_bundles_are_small() -> None:
    assert len(bundle(OURS)) < 60000
    assert len(bundle(SOURCE)) < 40000


def test_closing_while_something_runs_ends_it(tmp_path: Path) -> None:
    async def work(connection: Any) -> None:
        async def run() -> None:
            async for _ in connection.operate(
                Batch(run="r", items=items_of([Run(script=f"echo $$ > {tmp_path}/pid; exec sleep 60")]))
            ):
                pass

        task = asyncio.create_task(run())
        await pid_in(tmp_path / "pid")
        await connection.close()
        with suppress(NodeError):
            await task

    with_connection(work)
    wait_until_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS)
def test_what_was_sent_ahead_is_done_once(python: str, tmp_path: Path) -> None:
    runs = (Run(script=f"echo x >> {tmp_path}/f"), Wait(timeout=0.01), Run(script=f"cat {tmp_path}/f"))
    assert carry_out(*runs, python=python)[-1].result["stdout"] == "x"


def test_a_batch_that_was_sent_ahead_is_stopped_when_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        batch = Batch(run="r", items=items_of([Run(script=f"echo $$ > {tmp_path}/pid; exec sleep 60")]))
        marker = asyncio.Event()

        async def open_channel(launch: Launch) -> Any:
            channel = await start(sys.executable, *launch.argv[1:])

            async def read(limit: int = 0) -> bytes:
                await marker.wait()  # a slow line: the helper has begun and we do not know it
                return bytes(limit)

            monkeypatch.setattr(channel, "read", read)
            return channel

        task = asyncio.create_task(HelperSession.start(open_channel, "m1", first=batch))
        await pid_in(tmp_path / "pid")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    wait_until_gone(int((tmp_path / "pid").read_text()))
