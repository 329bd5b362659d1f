"""A virtual board behind a pseudo-terminal, seen by mpremote, which knows nothing of us."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import http.server
import json
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hivectl.virtual.board.device import Device
from hivectl.virtual.board.port import Port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Tells nobody who asks for what."""

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """Serve a folder; yield its address."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


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
        env={**os.environ, "no_proxy": "127.0.0.1"},
    )
    try:
        async with asyncio.timeout(60):
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


def test_mpremote_installs_packages_on_it(tmp_path: Path) -> None:
    """From a package.json, and from an index as micropython.org has one: files by their hashes."""
    site = tmp_path / "site"
    module = b"def pulse():\n    return 42\n"
    digest = hashlib.sha256(module).hexdigest()[:8]
    for name, text in {
        "pulse/package.json": json.dumps({"version": "1.0", "urls": [["pulse/__init__.py", "pulse.py"]]}),
        "pulse/pulse.py": module.decode(),
        "index/package/py/counter/latest.json": json.dumps(
            {"v": 1, "version": "0.1", "deps": [], "hashes": [["counter/__init__.py", digest]]}
        ),
        f"index/file/{digest[:2]}/{digest}": module.decode(),
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)

    async def scenario(address: str) -> None:
        device = await Device.start("pico1", tmp_path / "files")
        port = Port(device, tmp_path / "tty")
        try:
            status, said = await mpremote(port, "mip", "install", f"{address}/pulse/package.json")
            assert status == 0, said
            words = ("--no-mpy", "--index", f"{address}/index", "counter")
            status, said = await mpremote(port, "mip", "install", *words)
            assert status == 0, said
            for name in ("pulse", "counter"):
                assert (tmp_path / "files/lib" / name / "__init__.py").read_bytes() == module
            code = "import pulse, counter; print(pulse.pulse() + counter.pulse())"
            assert await mpremote(port, "exec", code) == (0, "84\n")
        finally:
            port.close()
            await device.close()

    with index(site) as address:
        asyncio.run(scenario(address))


def test_what_nobody_reads_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        device = await Device.start("pico1", tmp_path / "files")
        port = Port(device, tmp_path / "tty")
        reader = os.open(port.path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            monkeypatch.setattr("hivectl.virtual.board.port.LISTENING", 0.05)
            port.show(b"x" * 100_000)
            await port.settle()
            # it has been waited for once; that would now take longer than a test may
            monkeypatch.setattr("hivectl.virtual.board.port.LISTENING", 600.0)
            for _ in range(3):
                port.show(b"y")
                async with asyncio.timeout(30):
                    await port.settle()
            # who reads is heard again
            async with asyncio.timeout(30):
                while not port._attended:
                    with contextlib.suppress(BlockingIOError):
                        os.read(reader, 65536)
                    await asyncio.sleep(0.01)
            port.show(b"z")
            async with asyncio.timeout(30):
                await port.settle()
        finally:
            os.close(reader)
            port.close()
            await device.close()

    asyncio.run(scenario())
