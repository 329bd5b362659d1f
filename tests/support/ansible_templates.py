"""Ask the real ansible-core, as a program, what its templates give."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping


def ansible_playbook() -> str:
    """Return the program of this environment; it is in the `test` dependency group."""
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    assert found, "ansible-core is missing: install the `test` dependency group"
    return found


def ansible_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a run of ansible-core that leaves its traces in `folder`."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


def rendered_by_ansible(
    expressions: Mapping[str, Any], variables: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return the values that ansible-core gives to templates, by the names that they have here, in one process."""
    table = {f"expression_{number}": text for number, text in enumerate(expressions.values())}
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {**variables, "ansible_python_interpreter": sys.executable, "table": table},
        "tasks": [{"debug": {"var": "table"}}],
    }
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([play], width=1_000_000, sort_keys=False))
    done = subprocess.run(
        [ansible_playbook(), str(playbook)],
        env=ansible_environment(folder),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    start = done.stdout.index("ok: [localhost] => ") + len("ok: [localhost] => ")
    values, _ = json.JSONDecoder().raw_decode(done.stdout[start:])
    return {name: values["table"][f"expression_{number}"] for number, name in enumerate(expressions)}
