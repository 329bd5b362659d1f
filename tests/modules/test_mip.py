"""`mip`: from an index, from URLs and from folders of this machine, on a real MicroPython."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.boards import do, reached

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, and keeps what it was asked for."""

    server: Any

    def log_message(self, *_: Any) -> None:
        self.server.asked.append(self.path)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder on a port of this machine; yields its address, and what it was asked for."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fill(folder: Path, files: dict[str, Any]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


def index(folder: Path) -> None:
    """An index with a package that needs another one, as sources."""
    texts = {"umqtt/simple.py": "simple = 1\n", "umqtt/robust.py": "robust = 1\n"}
    short = {name: hashlib.sha256(text.encode()).hexdigest()[:8] for name, text in texts.items()}
    for name, digest in short.items():
        fill(folder, {f"file/{digest[:2]}/{digest}": texts[name]})
    simple = {"v": 1, "version": "1.3.4", "hashes": [["umqtt/simple.py", short["umqtt/simple.py"]]]}
    robust = {
        "v": 1,
        "version": "1.0.1",
        "hashes": [["umqtt/robust.py", short["umqtt/robust.py"]]],
        "deps": [["umqtt.simple", "latest"], ["umqtt.robust", "latest"]],
    }
    fill(
        folder,
        {
            "package/py/umqtt.simple/latest.json": simple,
            "package/py/umqtt.robust/latest.json": robust,
            "package/py/umqtt.robust/1.0.1.json": robust,
            "package/py/damaged/latest.json": {
                "hashes": [["a.py", short["umqtt/simple.py"]], ["b.py", "00"]]
            },
            "file/00/00": "something else",
        },
    )


def test_packages_come_from_an_index_and_are_compared_without_being_fetched(tmp_path: Path) -> None:
    index(tmp_path / "index")

    async def main() -> None:
        async with reached(tmp_path, "serial") as (_, session):
            with served(tmp_path / "index") as (address, asked):
                wanted = {"name": ["umqtt.robust@1.0.1"], "index": address, "mpy": False}
                first = await do(session, tmp_path, "mip", **wanted)
                assert first["changed"]
                assert first["versions"] == {
                    "umqtt.robust@1.0.1".partition("@")[0]: "1.0.1",
                    "umqtt.simple": "1.3.4",
                }
                assert first["sent"] == ["/lib/umqtt/robust.py", "/lib/umqtt/simple.py"]
                root = tmp_path / "board/files"
                assert (root / "lib/umqtt/simple.py").read_text() == "simple = 1\n"
                asked.clear()
                second = await do(session, tmp_path, "mip", **wanted)
                assert (second["changed"], second["sent"]) == (False, [])
                assert not [path for path in asked if path.startswith("/file/")]
                (root / "lib/umqtt/simple.py").write_text("somebody was here")
                assert (await do(session, tmp_path, "mip", **wanted))["sent"] == ["/lib/umqtt/simple.py"]
                loaded = await do(session, tmp_path, "repl", value="__import__('umqtt.simple').simple.simple")
                assert loaded["value"] == 1
                damaged = await do(session, tmp_path, "mip", name=["damaged"], index=address, mpy=False)
                assert damaged["failed"]
                assert "SHA-256 is another one" in damaged["msg"]
                assert not (root / "lib/a.py").exists()
                none = await do(session, tmp_path, "mip", name=["nothing"], index=address)
                assert "cannot be had: HTTP 404" in none["msg"]
            gone = await do(session, tmp_path, "mip", name=["umqtt.simple"], index=address)
            assert "Connection refused" in gone["msg"]

    asyncio.run(main())


def test_packages_come_from_urls_and_folders(tmp_path: Path) -> None:
    package = {"version": "2.0", "urls": [["pump/__init__.py", "src/pump.py"]]}
    fill(
        tmp_path / "web",
        {"pump/package.json": package, "pump/src/pump.py": "pump = 2\n", "one.py": "one = 1\n"},
    )
    fill(
        tmp_path / "files", {"pulse/package.json": {"urls": [["pulse.py", "p.py"]]}, "pulse/p.py": "p = 1\n"}
    )

    async def main() -> None:
        async with reached(tmp_path, "webrepl") as (_, session):
            with served(tmp_path / "web") as (address, _asked):
                wanted = {"name": [f"{address}/pump/", f"{address}/one.py", "pulse/"], "target": "/app"}
                checked = await do(session, tmp_path, "mip", check=True, run="check", **wanted)
                first = await do(session, tmp_path, "mip", **wanted)
                assert (
                    checked["sent"]
                    == first["sent"]
                    == ["/app/pump/__init__.py", "/app/one.py", "/app/pulse.py"]
                )
                assert not (await do(session, tmp_path, "mip", **wanted))["changed"]
            root = tmp_path / "board/files/app"
            assert (root / "pump/__init__.py").read_text() == "pump = 2\n"
            assert (root / "pulse.py").read_text() == "p = 1\n"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("no json", "describes no package"),
        ([], "is no mapping"),
        ({"urls": {"a": "b"}}, "`urls` is no list of pairs"),
        ({"urls": [["../main.py", "p.py"]]}, "'../main.py', outside of its folder"),
        ({"urls": [["/main.py", "p.py"]]}, "'/main.py', outside of its folder"),
        ({"urls": [["p.py", "missing.py"]]}, "missing.py cannot be read: No such file"),
        ({"urls": [["p.py", "file:///etc/passwd"]]}, "neither http nor https"),
        ({"deps": [["github:owner", "1"]]}, "github:owner is no package"),
    ],
    ids=str,
)
def test_what_is_no_package_is_refused(tmp_path: Path, description: Any, words: str) -> None:
    from hivectl.modules.base import ModuleError
    from hivectl.modules.mip_packages import read, resolve

    fill(tmp_path, {"package.json": description})

    async def main() -> None:
        found = await resolve(["x/"], version=None, index="", compiled=0, find=lambda _: tmp_path)
        for one in found.files:
            await read(one.source)

    with pytest.raises(ModuleError) as refused:
        asyncio.run(main())
    assert words in refused.value.message


def test_names_of_repositories_become_urls() -> None:
    from hivectl.modules import mip_packages

    def place(name: str, version: str | None = None) -> str:
        return mip_packages._place(*mip_packages._versioned(name, version), "https://i", 6, lambda _: None)  # type: ignore[arg-type,return-value]  # no file is looked for

    assert place("github:o/r@v1") == "https://raw.githubusercontent.com/o/r/v1/package.json"
    assert place("github:o/r/lib/x.py") == "https://raw.githubusercontent.com/o/r/HEAD/lib/x.py"
    assert place("gitlab:o/r") == "https://gitlab.com/o/r/-/raw/HEAD/package.json"
    assert place("pump") == "https://i/package/6/pump/latest.json"
    assert place("pump", "1.2") == "https://i/package/6/pump/1.2.json"
