"""A node whose PATH has busybox and nothing else: the whole way, and the same end as where Python is."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sshd import FORCED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.sshd import Sshd

PLAY = Path(__file__).parents[1] / "benchmarks" / "play"


@pytest.fixture
def bare(sshd_hosts: Callable[..., list[Sshd]], tmp_path: Path) -> Sshd:
    """A host without Python."""
    tools = tmp_path / "tools"
    tools.mkdir()
    subprocess.run(["busybox", "--install", "-s", tools], check=True)
    return sshd_hosts(1, settings=[f"ForceCommand PATH={tools}; export PATH; {FORCED}"])[0]


def play(host: Sshd, folder: Path, name: str) -> tuple[Path, str]:
    """Run the benchmark's twenty tasks twice; return the folder that they make, and what was said."""
    tree = folder / f"tree-{name}"
    tree.mkdir()
    (tree / "system.conf").write_text("interval=100\nother=1\n")
    (tree / "hosts.list").write_text("somebody enabled\n")
    inventory = folder / f"{name}.yml"
    attributes = {**host.attributes, "ssh_config": "none"}
    listed = "".join(f"    {key}: {str(value)!r}\n" for key, value in attributes.items())
    inventory.write_text(
        f"version: 1\nnodes:\n  node:\n    driver: ssh\n{listed}    vars: {{tree: {str(tree)!r}, site: basel, samples: 5}}\n"
    )
    said = ""
    for _ in range(2):
        ended = subprocess.run(
            [
                Path(sys.executable).with_name("hivectl"),
                *("apply", folder / "play" / "playbook.yml", "-i", inventory, "--report", "human"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        said = ended.stdout + ended.stderr
    return tree, said


def looks(tree: Path) -> list[Any]:
    """Return everything below a folder, without the times."""
    found: list[Any] = []
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        kind = path.readlink().name if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found.append((path.relative_to(tree), stat.S_IMODE(status.st_mode), status.st_nlink, kind))
    return found


def test_twenty_tasks_end_alike(bare: Sshd, sshd_hosts: Callable[..., list[Sshd]], tmp_path: Path) -> None:
    shutil.copytree(PLAY, tmp_path / "play")
    files = tmp_path / "play" / "files"
    files.mkdir(exist_ok=True)
    (files / "small.conf").write_text("a=1\n")
    (files / "private.key").write_bytes(bytes(range(256)))
    (files / "larger.dat").write_bytes(bytes(range(256)) * 400)
    with_python, said = play(sshd_hosts(1)[0], tmp_path, "python")
    assert "changed" in said
    without, said = play(bare, tmp_path, "sh")
    assert looks(with_python) == looks(without)
    assert not list((bare.home).glob(".hivelock.*"))
