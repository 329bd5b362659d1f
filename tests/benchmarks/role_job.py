"""A role as people write them: 60 tasks in two roles (`role/`), in the way of public roles for exporters of metrics.

A dependency, argument_specs, defaults and variables by operating system, included and imported files, loops, handlers,
templates, results that decide what comes next. All is done in each host's own tree. `TURNS` are the round trips that
it needs; `tests/engine/test_round_trips_of_roles.py` holds them, and says what each is for.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.benchmarks.job import HERE, Job, JobError, Target, found

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TURNS = 8
# what stands for systemctl notes what handlers asked for
HANDLED = b"restart\nreload\n"
LOG = "run/exporter.log"
ENTRIES = 50


def write_role(folder: Path) -> None:
    """Write what the job is made of: the same playbook and roles for every tool."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(HERE / "role" / "roles", folder / "roles")
    shutil.copy(HERE / "role" / "site.yml", folder / "playbook.yml")


def fresh_tree(target: Target) -> None:
    """Make the host as it was before any tool came: an empty home, and an empty tree."""
    for folder in (target.tree, target.sshd.home):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o755)


def verify_role(tool: str, targets: Sequence[Target], _: Path) -> None:
    """Compare all hosts with the first one, and look whether that has all; raises JobError."""
    states = {target.name: state_of(target.tree, target.name) for target in targets}
    first = states[targets[0].name]
    if len(first) < ENTRIES or first.get(LOG, ("", 0, b""))[2] != HANDLED:
        raise JobError(f"{tool}: {targets[0].tree} has {len(first)} entries, {LOG} is {first.get(LOG)}")
    for name, state in states.items():
        for path in sorted({*first, *state}):
            if state.get(path) != first.get(path):
                raise JobError(f"{tool}: {path} of {name} is {state.get(path)}, not {first.get(path)}")


def state_of(tree: Path, name: str) -> dict[str, tuple[str, int, bytes]]:
    """Return what stands in a tree, with words for its own path and the host's name."""
    return {
        path: (kind, mode, content.replace(str(tree).encode(), b"TREE").replace(name.encode(), b"HOST"))
        for path, (kind, mode, content) in found(tree).items()
    }


SIXTY_TASKS = Job(write_role, fresh_tree, verify_role)
