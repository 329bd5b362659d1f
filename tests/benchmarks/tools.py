"""The tools that are compared, each with its best settings, each from a home of its own: nothing is cached."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.job import TWENTY_TASKS, VARIABLES
from tests.benchmarks.role_job import TURNS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.job import Job, Target

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where one tool does the job once.

    Attributes:
        project: playbook, files, templates.
        home: HOME of the tool, empty at first; the repeated run finds what the first one left.
        targets: the hosts.
        peers: folder of ansible's and pyinfra's programs.
        job: what is done.
    """

    project: Path
    home: Path
    targets: Sequence[Target]
    peers: Path
    job: Job = TWENTY_TASKS


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to do the job.

    Attributes:
        name: as in the table.
        prepare: writes its inventory, outside of the measured time; returns argv and additions to the environment.
        does_job: whether the hosts are to be verified after it.
    """

    name: str
    prepare: Callable[[Stage], tuple[list[str], dict[str, str]]]
    does_job: bool = True


def environment(home: Path, additions: dict[str, str]) -> dict[str, str]:
    """Return the environment of a measured program: the same for all, nothing of the person who measures."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        **additions,
    }


@cache
def hivectl_program() -> tuple[str, ...]:
    """Return how the command line is started: the installed program where it is this tree's, else from the tree."""
    installed = Path(sys.executable).with_name("hivectl")
    where = [sys.executable, "-I", "-c", "import hivectl; print(hivectl.__file__)"]
    package = subprocess.run(where, capture_output=True, text=True, check=False).stdout.strip()
    if installed.exists() and package == str(REPOSITORY / "hivectl" / "__init__.py"):
        return (str(installed),)
    source = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from hivectl.cli.main import run; run()"
    return (sys.executable, "-c", source)


def _hivectl(stage: Stage) -> tuple[list[str], dict[str, str]]:
    inventory = stage.home / "inventory.yml"
    nodes = {
        target.name: {"driver": "ssh", **target.sshd.attributes, "vars": {"tree": str(target.tree)}}
        for target in stage.targets
    }
    # JSON is YAML, too
    inventory.write_text(json.dumps({"version": 1, "vars": dict(VARIABLES), "nodes": nodes}, indent=1))
    argv = [*hivectl_program(), "apply", "-i", str(inventory), str(stage.project / "playbook.yml")]
    return argv, {"HIVECTL_STORE": str(stage.home / "lab.db")}


def _floor(language: str) -> Callable[[Stage], tuple[list[str], dict[str, str]]]:
    def prepare(stage: Stage) -> tuple[list[str], dict[str, str]]:
        hosts: list[dict[str, Any]] = [
            {"name": target.name, **target.sshd.attributes, **target.variables} for target in stage.targets
        ]
        inventory = stage.home / "hosts.json"
        inventory.write_text(json.dumps(hosts))
        return [
            sys.executable,
            str(HERE / "floor.py"),
            language,
            str(inventory),
            str(stage.project / "files"),
        ], {}

    return prepare


def _turns(stage: Stage) -> tuple[list[str], dict[str, str]]:
    inventory = stage.home / "hosts.json"
    inventory.write_text(json.dumps([{"name": one.name, **one.sshd.attributes} for one in stage.targets]))
    return [sys.executable, str(HERE / "turns.py"), str(TURNS), str(inventory)], {}


def _ansible(stage: Stage) -> tuple[list[str], dict[str, str]]:
    hosts = {
        target.name: {
            "ansible_host": "127.0.0.1",
            "ansible_port": target.sshd.port,
            "ansible_user": target.sshd.user,
            "ansible_ssh_private_key_file": str(target.sshd.identity_file),
            "tree": str(target.tree),
        }
        for target in stage.targets
    }
    inventory = stage.home / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": dict(VARIABLES)}}))
    configuration = stage.home / "ansible.cfg"
    configuration.touch()
    known_hosts = stage.targets[0].sshd.known_hosts
    options = f"-F none -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={known_hosts}"
    argv = [str(stage.peers / "ansible-playbook"), "-i", str(inventory), str(stage.project / "playbook.yml")]
    return argv, {
        "ANSIBLE_CONFIG": str(configuration),
        "ANSIBLE_FORKS": str(max(20, min(len(stage.targets), 100))),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SSH_ARGS": options,
        # sockets' paths are limited to 108 bytes: unix(7)
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(stage.home / "cp"),
        "ANSIBLE_TIMEOUT": "60",
        # no search on each host
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }


def _pyinfra(stage: Stage) -> tuple[list[str], dict[str, str]]:
    hosts = [
        (
            target.name,
            {
                "ssh_hostname": "127.0.0.1",
                "ssh_port": target.sshd.port,
                "ssh_user": target.sshd.user,
                "ssh_key": str(target.sshd.identity_file),
                "ssh_known_hosts_file": str(target.sshd.known_hosts),
                "ssh_strict_host_key_checking": "yes",
                "ssh_look_for_keys": False,
                "ssh_allow_agent": False,
                **target.variables,
            },
        )
        for target in stage.targets
    ]
    inventory = stage.project / "inventory.py"
    inventory.write_text(f"hosts = {hosts!r}\n")
    argv = [str(stage.peers / "pyinfra"), "-y", str(inventory), str(stage.project / "deploy.py")]
    return argv, {}


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("floor", _floor("sh")),
        Tool("hivectl", _hivectl),
        Tool("floor-python", _floor("python")),
        Tool("pyinfra", _pyinfra),
        Tool("ansible", _ansible),
    )
}

ROLE_TOOLS = {
    "turns": Tool("turns", _turns, does_job=False),
    "hivectl": TOOLS["hivectl"],
    "ansible": TOOLS["ansible"],
}


def make_peers(folder: Path) -> Path:
    """Make a venv with the peers of `peers.txt` unless it is there; returns the folder of its programs."""
    programs = folder / "bin"
    if not all((programs / name).exists() for name in ("ansible-playbook", "pyinfra")):
        venv.create(folder, with_pip=True)
        requirements = str(HERE / "peers.txt")
        subprocess.run(
            [programs / "pip", "install", "-q", "-r", requirements], check=True, env=os.environ.copy()
        )
    return programs
