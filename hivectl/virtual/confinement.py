"""The sandbox of a virtual Linux node: bubblewrap's command line, and whether this machine allows it."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable

# the node's own folders, kept between runs; everything else is the host's and read-only, or empty
OWN = ("etc", "home", "media", "mnt", "opt", "root", "srv", "tmp", "var")
HOST = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
# parts of the host's /etc that its /usr cannot do without
HOST_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ssl", "terminfo", "mime.types")
PATH = "/run/hivectl/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The node's one user is root in its namespace, who has nothing to become.
SUDO = """#!/bin/sh
echo 'sudo: a virtual node has one user, root, and you are root: leave become out, or become_user: root' >&2
exit 1
"""


@record
class Sandbox:
    """How to confine programs on this machine.

    Attributes:
        bwrap: the program.
        python: the interpreter inside.
        binds: folders of the interpreter that lie outside /usr.
    """

    bwrap: str
    python: str
    binds: tuple[str, ...] = ()


@record
class NoSandbox:
    """Why programs cannot be confined here, and what helps."""

    reason: str


async def find_sandbox() -> Sandbox | NoSandbox:
    """Try whether this machine confines programs."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return NoSandbox(
            "virtual hosts run commands only inside bubblewrap, which is missing: `sudo apt-get install bubblewrap`"
        )
    sandbox = Sandbox(bwrap, *_interpreter())
    argv = [*_namespaces(sandbox, "probe"), *_host_binds(sandbox), "--", sandbox.python, "-I", "-S", "-c", ""]
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await process.communicate()
    except BaseException:
        process.kill()
        raise
    if process.returncode == 0:
        return sandbox
    said = errors.decode(errors="replace").strip().splitlines()
    return NoSandbox(
        f"bubblewrap may not confine programs here ({said[-1] if said else f'exit status {process.returncode}'}): "
        "allow user namespaces, e.g. `sysctl kernel.unprivileged_userns_clone=1` or "
        "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container, `--security-opt seccomp=unconfined`"
    )


def prepare(root: Path, node: str) -> None:
    """Make what a node's tree lacks; what is there is left alone."""
    for name in OWN:
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "root").chmod(0o700)
    (root / "tmp").chmod(0o1777)
    files = {
        "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": "root:x:0:\nnogroup:x:65534:\n",
        "hostname": f"{node}\n",
        "hosts": f"127.0.0.1 localhost\n127.0.1.1 {node}\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    for name, text in files.items():
        file = root / "etc" / name
        # the node's owner may have changed it, even to a link that leads nowhere
        if not os.path.lexists(file):
            file.write_text(text)
    if not os.path.lexists(root / "etc/os-release"):
        (root / "etc/os-release").symlink_to("../usr/lib/os-release")


def command(sandbox: Sandbox, root: Path, node: str, tools: Path, program: Iterable[str]) -> list[str]:
    """Return the command line that runs `program` as the first process of a node.

    Args:
        sandbox: as found.
        root: the node's tree, prepared.
        node: becomes the host name.
        tools: a folder of ours that is seen as /run/hivectl/bin.
        program: argv inside.
    """
    argv = [*_namespaces(sandbox, node), *_host_binds(sandbox, own=root)]
    argv += ["--ro-bind", str(tools), "/run/hivectl/bin", "--chdir", "/root", "--clearenv"]
    return [*argv, "--setenv", "PATH", PATH, "--as-pid-1", "--", *program]


def write_tools(folder: Path, sandbox: Sandbox) -> None:
    """Fill the folder that stands first in the node's PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sudo").write_text(SUDO)
    (folder / "sudo").chmod(0o755)
    python = folder / "python3"
    python.unlink(missing_ok=True)
    if sandbox.python != "/usr/bin/python3":
        python.symlink_to(sandbox.python)


def _interpreter() -> tuple[str, tuple[str, ...]]:
    if Path("/usr/bin/python3").exists():
        return "/usr/bin/python3", ()
    # base: a venv's interpreter is a link to it
    executable = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    outside = not Path(sys.base_prefix).resolve().is_relative_to("/usr")
    return str(executable), (sys.base_prefix,) if outside else ()


def _namespaces(sandbox: Sandbox, node: str) -> list[str]:
    argv = [sandbox.bwrap, "--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0", "--hostname", node]
    return [*argv, "--die-with-parent", "--new-session"]


def _host_binds(sandbox: Sandbox, own: Path | None = None) -> list[str]:
    argv = ["--ro-bind", "/usr", "/usr"]
    for name in HOST:
        path = Path("/", name)
        if path.is_symlink():
            argv += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            argv += ["--ro-bind", str(path), str(path)]
    argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"]
    if own is not None:
        for name in OWN:
            argv += ["--bind", str(own / name), f"/{name}"]
    for name in HOST_ETC:
        argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for folder in sandbox.binds:
        argv += ["--ro-bind", folder, folder]
    return argv
