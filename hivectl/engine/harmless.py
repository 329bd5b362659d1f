"""Conditions that cannot fail on what a command gives back: what follows need not wait for them to be looked at."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hivectl.model.playbook import Task

# whose results have these, whenever a condition is asked: a task that has failed or was skipped is not asked
MODULES = frozenset({"command", "shell"})
_CONSTANT = r"""(?:'[^'\\{}]*'|"[^"\\{}]*")"""
_TEXT = r"NAME\.(?:stdout|stderr)(?:\s*\|\s*(?:trim|lower|upper))?"
_COMPARED = r"(?:==|!=|<|>|<=|>=)"
_NUMBER = r"-?\d+"
_SIMPLE = "|".join(
    (
        rf"{_CONSTANT}\s+(?:not\s+)?in\s+{_TEXT}",
        rf"{_TEXT}\s*(?:==|!=)\s*{_CONSTANT}",
        rf"{_TEXT}\s*\|\s*length\s*{_COMPARED}\s*{_NUMBER}",
        rf"NAME\.std(?:out|err)_lines\s*\|\s*length\s*{_COMPARED}\s*{_NUMBER}",
        rf"NAME\.rc\s*{_COMPARED}\s*{_NUMBER}",
        rf"NAME\.rc\s+(?:not\s+)?in\s+\[\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*\]",
        r"NAME\s+is\s+(?:not\s+)?(?:changed|failed|succeeded|success|skipped)",
        r"NAME\.(?:changed|failed)",
    )
)
_WHOLE = rf"\s*(?:not\s+)?(?:{_SIMPLE})(?:\s+(?:and|or)\s+(?:not\s+)?(?:{_SIMPLE}))*\s*"


def is_harmless(task: Task) -> bool:
    """Tell whether a task's `changed_when` only compares what its command gave back with constants."""
    condition = task.keywords.get("changed_when", False)
    if isinstance(condition, bool):
        return True
    name = task.register
    if name is None or task.module not in MODULES:
        return False
    texts = condition if isinstance(condition, list) else [condition]
    return all(isinstance(text, str) and _compares(text, name) for text in texts)


@cache
def _compares(text: str, name: str) -> bool:
    return re.fullmatch(_WHOLE.replace("NAME", re.escape(name)), text) is not None
