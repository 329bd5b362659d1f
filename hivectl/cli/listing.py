"""`hivectl apply --list-tasks` and `--list-tags`: what a playbook would do, without a look at any node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.engine.lab import open_lab
from hivectl.engine.run import prepare
from hivectl.model.playbook import flatten
from hivectl.report.text import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hivectl.engine.options import RunOptions
    from hivectl.model.playbook import Task


def list_playbook(inventories: Sequence[Path], options: RunOptions, *, tasks: bool, tags: bool) -> int:
    """Print plays with their tasks, or their tags, as Ansible's users know it; raises Complaints."""
    playbook, plan = prepare(open_lab(inventories), options)
    print(f"\nplaybook: {harmless(str(playbook.path))}")
    for planned in plan.plays:
        play = planned.play
        wanted = [task for section in play.sections for task in flatten(section, plan.tags.wants)]
        print(f"\n  play #{play.number} ({harmless(play.hosts)}): {harmless(play.name)}")
        if tasks:
            print("    tasks:")
            for task in wanted:
                print(f"      {harmless(task.title)}{_tags_of([task])}")
        if tags:
            print(f"   {_tags_of(wanted, 'TASK TAGS')}")
    return 0


def _tags_of(tasks: Sequence[Task], word: str = "TAGS") -> str:
    named = sorted({tag for task in tasks for tag in task.tags})
    return (
        f"\t{word}: [{harmless(', '.join(named))}]"
        if word == "TAGS"
        else f"   {word}: [{harmless(', '.join(named))}]"
    )
