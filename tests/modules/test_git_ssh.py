"""`git` over SSH: keys, host keys, and no questions; and what it says of a copy with changes of its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.sshd import sshd_host, sshd_hosts
from tests.support.tasks import do

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sshd import Sshd

__all__ = ["sshd_host", "sshd_hosts"]


@pytest.fixture
def upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Ann\nemail = ann@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    path = tmp_path / "up"
    subprocess.run(["git", "init", "-q", path], check=True)
    (path / "file").write_text("one\n")
    subprocess.run(["git", "add", "file"], cwd=path, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "one"], cwd=path, check=True)
    return path


def test_clones_over_ssh(tmp_path: Path, upstream: Path, sshd_host: Sshd) -> None:
    known = tmp_path / "known"
    arguments = {
        "repo": f"ssh://{sshd_host.user}@127.0.0.1:{sshd_host.port}{upstream}",
        "dest": str(tmp_path / "copy"),
        "key_file": str(sshd_host.identity_file),
        "ssh_opts": f"-F none -o UserKnownHostsFile={known}",
    }

    unknown = do("git", arguments, tmp_path)
    cloned = do("git", {**arguments, "accept_newhostkey": True}, tmp_path)
    again = do("git", arguments, tmp_path)
    elsewhere = do("git", {**arguments, "key_file": "/dev/null"}, tmp_path)

    assert unknown["failed"]
    assert "Host key verification failed" in unknown["msg"]
    assert (cloned["changed"], again["changed"]) == (True, False), (cloned, again)
    assert (tmp_path / "copy" / "file").read_text() == "one\n"
    assert f"[127.0.0.1]:{sshd_host.port}" in known.read_text()
    assert "Permission denied" in elsewhere["msg"]


def test_says_in_check_mode_that_changes_would_be_lost(tmp_path: Path, upstream: Path) -> None:
    # ansible-core says that nothing would change
    arguments = {"repo": str(upstream), "dest": str(tmp_path / "copy")}
    do("git", arguments, tmp_path)
    (tmp_path / "copy" / "file").write_text("mine\n")

    refused = do("git", arguments, tmp_path)
    tried = do("git", {**arguments, "force": True}, tmp_path, check=True)
    kept = (tmp_path / "copy" / "file").read_text()
    done = do("git", {**arguments, "force": True}, tmp_path)

    assert refused["msg"].endswith("(force=no).")
    assert (tried["changed"], kept) == (True, "mine\n")
    assert done["changed"] is True
    assert (tmp_path / "copy" / "file").read_text() == "one\n"
