"""What ansible-core says of inventories: run by itself, as a program, with a list of jobs on its standard input.

Each job names an inventory and patterns; the answer has the hosts of each pattern and the variables of each host.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def ask(jobs: Sequence[tuple[Path, Sequence[str]]], folder: Path) -> list[dict[str, Any]]:
    """Return, for each inventory, `hosts`: pattern -> names, `variables`: host -> variables."""
    text = json.dumps([(str(path), list(patterns)) for path, patterns in jobs])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={
            "HOME": str(folder),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
        },
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def answer() -> None:
    """Answer the jobs."""
    # has no types, and is only there to be asked
    loaders, managers, values, plugins = (
        importlib.import_module(f"ansible.{name}")
        for name in ("parsing.dataloader", "inventory.manager", "vars.manager", "plugins.loader")
    )
    plugins.init_plugin_loader()
    answers = []
    for path, patterns in json.load(sys.stdin):
        loader = loaders.DataLoader()
        inventory = managers.InventoryManager(loader=loader, sources=[path])
        variables = values.VariableManager(loader=loader, inventory=inventory)
        hosts = inventory.get_hosts("all")
        answers.append(
            {
                "hosts": {one: sorted(host.name for host in inventory.get_hosts(one)) for one in patterns},
                "variables": {
                    host.name: variables.get_vars(host=host, include_hostvars=False) for host in hosts
                },
            }
        )
    json.dump(answers, sys.stdout, default=str)


if __name__ == "__main__":
    answer()
