"""Below the table of `hivectl run show`: what the steps that failed have written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.report.text import harmless, one_line, tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hivectl.engine.journal import StepRecord

BAD = frozenset({"failed", "unreachable", "unknown", "ignored", "rescued"})
LINES = 20


def show_failures(steps: Iterable[StepRecord]) -> None:
    """Print what each failed step says, and the end of what its programs wrote."""
    for step in steps:
        if step.status in BAD:
            print(f"\n{step.node}: {one_line(step.task or step.key)} ({step.status})")
            for result in _failed(step.result):
                for line in _lines(result):
                    print(f"  {line}".rstrip())


def _failed(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    items = result.get("results")
    if not isinstance(items, list):
        return [result]
    return [one for one in items if isinstance(one, dict) and one.get("failed")] or [result]


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    if "item" in result:
        yield f"item {one_line(str(result.get('_ansible_item_label', result['item'])), 80)}:"
    message = result.get("msg")
    if message:
        code = f" {result['rc']}" if message == "non-zero return code" and "rc" in result else ""
        yield from f"{harmless(str(message))}{code}".split("\n")
    for name in ("stdout", "stderr", "module_stderr"):
        text = result.get(name)
        if isinstance(text, str) and text.strip():
            yield from (f"{name} | {line}" for line in tail(text, LINES))
    if "censored" in result:
        yield "no_log hides what it wrote"
