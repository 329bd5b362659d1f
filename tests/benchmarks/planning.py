"""Plan a playbook offline and say what each part took: `python -m tests.benchmarks.planning INVENTORY PLAYBOOK`.

The engine expands a vertex (a task on a batch of nodes) into steps as they run; here every step is expanded, so
that the figure is for nodes x tasks steps and not for what was put off.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.engine.lab import open_lab
from hivectl.engine.plan import build_plan
from hivectl.model.playbook_loader import load_playbook
from hivectl.modules.registry import find_module, module_names

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    """Load, plan, expand; prints seconds and counts."""
    inventory_path, playbook_path = map(Path, arguments)
    times = [time.perf_counter()]
    inventory = open_lab([inventory_path]).inventory
    times.append(time.perf_counter())
    playbook = load_playbook(playbook_path, find_module, module_names)
    times.append(time.perf_counter())
    plan = build_plan(playbook, inventory)
    times.append(time.perf_counter())
    steps = [(vertex, node) for vertex in plan.graph.order() for node in plan.group_of[vertex]]
    times.append(time.perf_counter())
    parts = ("inventory", "playbook", "graph", "steps")
    taken = (f"{name} {end - start:.3f} s" for name, (start, end) in zip(parts, pairwise(times), strict=True))
    sys.stdout.write(f"{', '.join(taken)}; {len(plan.graph)} vertices, {len(steps)} steps\n")


if __name__ == "__main__":
    main(sys.argv[1:])
