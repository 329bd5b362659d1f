"""A site of playbooks and roles in a world of its own, by ansible-core and by us; run there as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.ansible_python import quick_python
from tests.support.ansible_templates import ansible_playbook

HOME = Path("/mnt/root")


def by_ansible(words: list[str]) -> int:
    """Run ansible-playbook in the site's folder."""
    with quick_python(HOME / "p") as python:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(HOME),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        }
        extra = ["-e", f"ansible_python_interpreter={python}"]
        command = [ansible_playbook(), "-i", "hosts.ini", "site.yml", *extra, *words]
        return subprocess.run(command, env=environment, check=False).returncode


def by_us(words: list[str]) -> int:
    """Run hivectl in the site's folder; the events go to standard output."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(HOME),
        "LC_ALL": "C.UTF-8",
        "HIVECTL_STORE": str(HOME / "lab.db"),
    }
    command = [sys.executable, "-m", "hivectl", "apply", "-i", "lab.yml", "site.yml", "--report", "jsonl"]
    return subprocess.run([*command, *words], env=environment, check=False).returncode


if __name__ == "__main__":
    os.chdir(sys.argv[2])
    sys.exit({"ansible": by_ansible, "ours": by_us}[sys.argv[1]](sys.argv[3:]))
