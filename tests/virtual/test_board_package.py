"""Where the interpreter of virtual boards comes from, and what is said when it cannot be had."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from hivectl.virtual.board import package
from hivectl.virtual.board.package import InterpreterError, find_interpreter

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))


def test_a_registry_that_does_not_answer_is_given_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "FETCH_SECONDS", 2.0)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}/")
        async with server, asyncio.timeout(30):
            with pytest.raises(InterpreterError, match="it did not end in 2 s"):
                await find_interpreter()

    asyncio.run(scenario())
    # nothing is left of the attempt
    assert list((tmp_path / "cache/hivectl").iterdir()) == []


def test_without_node_or_npm_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_wheel", lambda: None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(InterpreterError, match="need node") as caught:
        asyncio.run(find_interpreter())
    assert caught.value.hint is not None
    assert "hivectl[virtual]" in caught.value.hint


def test_what_is_not_the_known_interpreter_is_not_run(tmp_path: Path) -> None:
    real = asyncio.run(_real()).script.parent
    folder = tmp_path / "cache/hivectl" / real.name
    folder.parent.mkdir(parents=True)
    shutil.copytree(real, folder)
    with (folder / "micropython.mjs").open("a") as file:
        file.write(" ")
    with pytest.raises(InterpreterError, match="is not the known one"):
        asyncio.run(find_interpreter())


async def _real() -> package.Interpreter:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("XDG_CACHE_HOME")
        patch.delenv("npm_config_cache")
        return await find_interpreter()
