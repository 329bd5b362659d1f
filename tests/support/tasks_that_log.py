"""Playbooks in which every task writes its name to the bench's log: what ran, on which node, in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from tests.support.runs import Bench, Outcome


def log(name: str, **more: Any) -> dict[str, Any]:
    """A task that writes "node name" to the log; `name` may hold templates."""
    return {"name": name, "shell": f"echo {{{{ inventory_hostname }}}} {name} >> {{{{ log }}}}", **more}


def fail(name: str = "F", **more: Any) -> dict[str, Any]:
    """A task that fails."""
    return {"name": name, "command": "false", **more}


def on(node: str) -> dict[str, str]:
    """Keywords: only on that node."""
    return {"when": f"inventory_hostname == '{node}'"}


def play(*tasks: Any, hosts: str | list[str] = "all", **more: Any) -> dict[str, Any]:
    """A play that gathers no facts, as Ansible's would."""
    return {"hosts": hosts, "gather_facts": False, "tasks": list(tasks), **more}


def block(*tasks: Any, **sections: Any) -> dict[str, Any]:
    """A block with its sections."""
    return {"block": list(tasks), **sections}


def run(bench: Bench, *plays: dict[str, Any], **options: Any) -> Outcome:
    """Run plays that are given as data."""
    return bench.run(yaml.safe_dump(list(plays), sort_keys=False), **options)


def logged(bench: Bench) -> dict[str, str]:
    """Return node -> what it wrote, in order; one node's tasks are in order, those of several are not."""
    lines: dict[str, list[str]] = {}
    for line in bench.lines():
        node, _, name = line.partition(" ")
        lines.setdefault(node, []).append(name)
    return {node: " ".join(names) for node, names in lines.items()}
