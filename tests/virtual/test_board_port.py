"""A virtual board behind a pseudo-terminal, seen by mpremote, which knows nothing of us."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from typing import TYPE_CHECKING

from hivectl.virtual.board.device import Device
from hivectl.virtual.board.port import Port

if TYPE_CHECKING:
    from pathlib import Path


async def mpremote(port: Port, *words: str) -> tuple[int, str]:
    """Run mpremote on the board; return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mpremote",
        "connect",
        port.path,
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, said.decode().replace("\r\n", "\n")


def test_mpremote_works_with_it(tmp_path: Path) -> None:
    source = tmp_path / "lib"
    (source / "deep").mkdir(parents=True)
    (source / "one.py").write_text("one = 1\n")
    (source / "deep" / "two.py").write_text("two = 2\n" * 500)

    async def scenario() -> None:
        device = await Device.start("pico1", tmp_path / "files")
        port = Port(device, tmp_path / "tty")
        try:
            assert await mpremote(port, "exec", "import os; print(os.uname().machine, 6 * 7)") == (
                0,
                "Raspberry Pi Pico W with RP2040 42\n",
            )
            status, said = await mpremote(port, "cp", "-r", str(source), ":")
            assert status == 0, said
            assert (tmp_path / "files/lib/deep/two.py").read_text() == "two = 2\n" * 500
            digest = hashlib.sha256(b"two = 2\n" * 500).hexdigest()
            status, said = await mpremote(port, "sha256sum", ":lib/deep/two.py")
            assert (status, digest in said) == (0, True), said
            status, said = await mpremote(port, "exec", "from lib.one import one; print(one); open('no')")
            assert status == 1
            assert said.startswith("1\n")
            assert "ENOENT" in said
            status, said = await mpremote(port, "cp", ":lib/one.py", str(tmp_path / "back.py"))
            assert (status, (tmp_path / "back.py").read_text()) == (0, "one = 1\n"), said
            status, said = await mpremote(port, "soft-reset", "exec", "print(1)")
            assert (status, said) == (0, "1\n")
            status, said = await mpremote(port, "rm", "-r", ":lib")
            assert (status, (tmp_path / "files/lib").exists()) == (0, False), said
        finally:
            port.close()
            await device.close()

    asyncio.run(scenario())
