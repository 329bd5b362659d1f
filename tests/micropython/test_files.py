"""Files on a board: whole or not at all, only what differs."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.micropython import sync
from hivectl.micropython.errors import LackingError, RemoteError, RemoteOSError
from hivectl.micropython.literals import literal
from hivectl.micropython.programs import NAME
from hivectl.model.node_errors import NodeError
from tests.support.boards import board

if TYPE_CHECKING:
    from pathlib import Path


@given(st.binary(max_size=200))
def test_literals_are_python(data: bytes) -> None:
    text = literal(data)
    assert not set(text) & {0, 1, 2, 3, 4, 5, 10, 13}
    # Python's own lexer refuses bytes over 127 in a literal, MicroPython's does not
    assert eval(b"".join(b"\\x%02x" % byte if byte > 127 else bytes([byte]) for byte in text)) == data


def test_files_go_there_and_come_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            files = bench.files
            contents = {
                "/empty": b"",
                "/every.bin": bytes(range(256)) * 40,
                "/random.bin": os.urandom(20_000),
                "/text.py": b"def f(x):\n    return x + 1\n" * 500,
                "/ends\r\nodd '\" name\u00e9": b"\n",
            }
            for path, data in contents.items():
                assert await files.put(path, data)
                assert (bench.root / path[1:]).read_bytes() == data
                assert not await files.put(path, data)
                assert await files.get(path) == data
                assert await files.hash(path) == hashlib.sha256(data).hexdigest()
            assert {entry.path for entry in await files.entries("/")} == set(contents)
            large = tmp_path / "large"
            large.write_bytes(os.urandom(50_000))
            assert await files.put("/large", large)
            assert (bench.root / "large").read_bytes() == large.read_bytes()

    asyncio.run(scenario())


def test_what_is_not_there_and_what_has_no_room(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path, room=100 << 10) as bench:
            files = bench.files
            assert await files.stat("/nothing") is None
            for act in (files.get("/nothing"), files.remove("/nothing"), files.hash("/nothing")):
                with pytest.raises(RemoteOSError) as missing:
                    await act
                assert missing.value.errno == 2
            with pytest.raises(RemoteOSError, match="no such file or directory"):
                await files.put("/no/folder", b"x")
            await files.put("/kept", b"old")
            with pytest.raises(RemoteOSError, match="no room is left"):
                await files.put("/kept", os.urandom(200 << 10))
            assert sorted(path.name for path in bench.root.iterdir()) == ["kept"]
            assert (bench.root / "kept").read_bytes() == b"old"

    asyncio.run(scenario())


def test_folders(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            files = bench.files
            await files.make_directory("/a/b/c")
            await files.make_directory("/a/b/c")
            await files.put("/a/b/x.py", b"1")
            found = await files.tree("/a", digest=True)
            assert [(entry.path, entry.kind) for entry in found] == [
                ("/a/b", "directory"),
                ("/a/b/c", "directory"),
                ("/a/b/x.py", "file"),
            ]
            assert found[2].digest == hashlib.sha256(b"1").hexdigest()
            with pytest.raises(RemoteOSError):
                await files.make_directory("/a/b/x.py")
            await files.remove("/a")
            assert await files.entries("/") == []

    asyncio.run(scenario())


def test_sync_sends_what_differs_and_deletes_when_told(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    (folder / "lib" / "deep").mkdir(parents=True)
    for number in range(20):
        (folder / "lib" / f"m{number}.py").write_text(f"n = {number}\n")
    (folder / "lib" / "deep" / "x.py").write_text("x = 1\n")

    async def scenario() -> None:
        async with board(tmp_path) as bench:
            (bench.root / "own.txt").write_text("the board's own")
            first = await sync.compare(bench.files, folder, "/")
            assert len(first.files) == 21
            await sync.carry_out(bench.files, first)
            assert (bench.root / "lib" / "deep" / "x.py").read_text() == "x = 1\n"
            assert (await sync.compare(bench.files, folder, "/")).same
            (folder / "lib" / "m3.py").write_text("n = 33\n")
            (folder / "lib" / "m4.py").unlink()
            second = await sync.compare(bench.files, folder, "/", delete=True)
            assert list(second.files) == ["/lib/m3.py"]
            assert set(second.surplus) == {"/lib/m4.py", "/own.txt"}
            await sync.carry_out(bench.files, second)
            assert (await sync.compare(bench.files, folder, "/", delete=True)).surplus == ()
            assert not (bench.root / "own.txt").exists()

    asyncio.run(scenario())


def test_old_firmware_says_what_it_lacks_or_does_without(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            files = bench.files
            has = await files.features()
            files._has = has - {"hashlib", "deflate", "sys.stdout"}
            data = os.urandom(5000)
            # verified by bringing it back
            assert await files.put("/a.bin", data)
            assert (bench.root / "a.bin").read_bytes() == data
            assert sorted(path.name for path in bench.root.iterdir()) == ["a.bin"]
            with pytest.raises(LackingError, match="no hashlib"):
                await files.hash("/a.bin")
            files._has = has - {"os.stat"}
            with pytest.raises(LackingError, match=r"no os\.stat"):
                await files.stat("/a.bin")

    asyncio.run(scenario())


def test_a_board_that_was_reset_meanwhile_is_prepared_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.files.put("/a", b"1")
            await bench.repl.soft_reset()
            assert await bench.files.put("/a", b"2")
            assert await bench.files.get("/a") == b"2"

    asyncio.run(scenario())


def test_a_line_that_loses_bytes_or_power_never_leaves_half_a_file(tmp_path: Path) -> None:
    old, new = b"old\n" * 100, os.urandom(3000)

    async def scenario() -> None:
        async with board(tmp_path) as bench:
            place = bench.root / "a.bin"
            faults = bench.device.faults
            kept = 0
            for turn in range(5):
                place.write_bytes(old)
                await bench.repl.evaluate("1")
                if turn % 3:
                    faults.loss, faults.seed = 0.001, turn
                else:
                    faults.reboot_after = 700 * (turn + 1)
                try:
                    # a board that lost a byte waits for it
                    async with asyncio.timeout(1):
                        await bench.files.put("/a.bin", new)
                except (NodeError, TimeoutError):
                    kept += 1
                faults.loss, faults.reboot_after = 0.0, None
                assert place.read_bytes() in (old, new)
            assert kept

    asyncio.run(scenario())


def test_a_name_that_lost_bytes_names_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with board(tmp_path) as bench:
            await bench.files.put("/a.bin", b"old")
            digest = hashlib.sha256(b"new").hexdigest()
            with pytest.raises(RemoteError, match="damaged"):
                await bench.files.run(
                    f"{NAME}._b('/.bin')\n{NAME}._a(b'new')\n{NAME}._e('/a.in',6,{digest!r})"
                )
            assert {path.name: path.read_text() for path in bench.root.iterdir()} == {"a.bin": "old"}

    asyncio.run(scenario())
