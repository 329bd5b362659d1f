"""What of a step's result a person needs to see: why it failed, what changed, what `debug` says."""

from __future__ import annotations

import json
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, NamedTuple

from hivectl.engine.events import Status
from hivectl.report.text import harmless, one_line, tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hivectl.engine.events import StepFinished
    from hivectl.report.base import Line

BAD = frozenset({Status.FAILED, Status.UNREACHABLE, Status.UNKNOWN, Status.IGNORED, Status.RESCUED})
# difflib takes quadratic time: beyond this only the sizes are shown
LARGEST_DIFF = 3000
LONGEST_DIFF = 120
LONGEST_TEXT = 40
MOST_ITEMS = 5
# what `debug` returns beside what it shows
_NOT_SHOWN = frozenset(
    {
        "changed",
        "failed",
        "skipped",
        "results",
        "diff",
        "warnings",
        "ansible_loop_var",
        "ansible_index_var",
        "ansible_loop",
        "attempts",
        "start",
        "end",
        "delta",
    }
)
_WRITTEN = frozenset({"stdout", "stderr"})
# nor is this told with -v: it is said already, or twice
_NOT_GIVEN = _NOT_SHOWN | {"stdout_lines", "stderr_lines", "item"}
# what people read of a step that went well; and where a loop's items have theirs
TELLING = frozenset({"diff", "results", "warnings"})
_NONE = object()
_DIFF_STYLES = {"+": "added", "-": "removed", "@": "hunk"}


def details(event: StepFinished, *, verbose: bool = False) -> tuple[Line, ...]:
    """Return the lines that stand below a step's own line; the same for nodes that did the same.

    Args:
        event: the step's end.
        verbose: say of steps that went well what they gave, too.
    """
    result = event.result
    bad = event.status in BAD
    # most steps have nothing to say, and there are many of them
    if not bad and event.task.module != "debug" and TELLING.isdisjoint(result) and not verbose:
        return ()
    lines: list[Line] = []
    if bad:
        lines += _why(event)
    elif event.task.module == "debug" and event.status is not Status.SKIPPED:
        lines += [
            line for result in _each(event.result) if not result.get("skipped") for line in _said(result)
        ]
    elif verbose and event.status is not Status.SKIPPED:
        lines += [line for result in _each(event.result) for line in _given(result)]
    for result in _each(event.result):
        lines += [
            ((f"warning: {one_line(str(text))}", "warning"),) for text in _as_list(result.get("warnings"))
        ]
        lines += diff_lines(result.get("diff"))
    return tuple(lines)


class Outputs(NamedTuple):
    """What a step's programs wrote, those of a loop's items one behind the other."""

    stdout: str
    stderr: str


def outputs(event: StepFinished) -> Outputs:
    """Return what a step's programs wrote, as they wrote it."""

    def joined(name: str) -> str:
        texts = [result.get(name) for result in _each(event.result)]
        return "\n".join(text for text in texts if isinstance(text, str) and text)

    return Outputs(joined("stdout"), joined("stderr"))


def _each(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the results of a loop's items, or the result itself."""
    items = result.get("results")
    if isinstance(items, list | tuple) and any(isinstance(item, dict) for item in items):
        yield from (item for item in items if isinstance(item, dict))
    else:
        yield result


def _as_list(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _why(event: StepFinished) -> Iterator[Line]:
    """Say why a step failed: the sentence, the place in the playbook, and what the program wrote last."""
    bad = [result for result in _each(event.result) if result.get("failed")] or [event.result]
    sentences = [] if event.reason and len(bad) > 1 else [event.reason]
    sentences += [_sentence(result) for result in bad[:MOST_ITEMS]]
    if len(sentences) > 1 and event.reason and event.reason.endswith(" …"):
        # the reason is the message's first line: it is not said twice
        sentences = sentences[1:] if sentences[1].startswith(event.reason[:-2]) else sentences
    for sentence in dict.fromkeys(filter(None, sentences)):
        yield from (((line, ""),) for line in _lines(sentence))
    if len(bad) > MOST_ITEMS:
        yield ((f"… and {len(bad) - MOST_ITEMS} more items failed", "dim"),)
    for name in ("stderr", "module_stderr", "stdout"):
        text = bad[0].get(name)
        if isinstance(text, str) and text.strip():
            yield from (((f"{name} | ", "dim"), (line, "")) for line in tail(text))
            break
    origin = event.task.origin
    if event.status in {Status.FAILED, Status.UNREACHABLE, Status.UNKNOWN} and not (origin.by_hand):
        yield ((f"at {one_line(str(event.task.origin))}", "dim"),)


def _sentence(result: Mapping[str, Any]) -> str:
    message = result.get("msg")
    text = message if isinstance(message, str) else _json(message) if message else ""
    if text == "non-zero return code" and "rc" in result:
        text = f"{text} {result['rc']}"
    if text and "assertion" in result:
        text = f"{text}: {result['assertion']}"
    if not text and result.get("rc") not in {None, 0}:
        text = f"ended with {result['rc']}"
    name = str(result.get("ansible_loop_var", "item"))
    item = result.get("_ansible_item_label", result.get(name, _NONE))
    return f"item {_short(item)}: {text}" if item is not _NONE and text else text


def _said(result: Mapping[str, Any]) -> Iterator[Line]:
    """Return what `debug` says: its message, or the variable and its value."""
    of_loop = {result.get("ansible_loop_var"), result.get("ansible_index_var")}
    for name, value in result.items():
        if name in _NOT_SHOWN or name in of_loop or name.startswith("_"):
            continue
        text = value if isinstance(value, str) else _json(value)
        yield from (((line, ""),) for line in _lines(text if name == "msg" else f"{name}: {text}"))


def _given(result: Mapping[str, Any]) -> Iterator[Line]:
    """Return what a step that went well gave: what its programs wrote line by line, all else a line each."""
    item = result.get("_ansible_item_label", result.get(str(result.get("ansible_loop_var", "item")), _NONE))
    if item is not _NONE:
        yield ((f"item {_short(item)}:", "dim"),)
    for name, value in result.items():
        if name in _WRITTEN:
            text = str(value).rstrip("\n")
            yield from (((f"{name} | ", "dim"), (line, "")) for line in (_lines(text) if text else ()))
        elif name not in _NOT_GIVEN and not name.startswith("_") and value not in (None, "", [], {}):
            yield ((f"{name}: ", "dim"), (_short(value, 200), ""))


def _lines(text: str) -> list[str]:
    lines = harmless(text).rstrip("\n").split("\n")
    return (
        [*lines[:LONGEST_TEXT], f"… {len(lines) - LONGEST_TEXT} more lines"]
        if len(lines) > LONGEST_TEXT
        else lines
    )


def _json(value: object) -> str:
    return json.dumps(value, default=str, indent=2, ensure_ascii=False)


def _short(value: object, limit: int = 60) -> str:
    return one_line(
        value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False), limit
    )


def diff_lines(diff: object) -> list[Line]:
    """Return one diff or several, in Ansible's shape, as coloured unified diffs."""
    return [line for one in _as_list(diff) if isinstance(one, dict) for line in _one_diff(one)]


def _one_diff(diff: Mapping[str, Any]) -> list[Line]:
    if isinstance(diff.get("prepared"), str):
        lines = diff["prepared"].splitlines()
    elif isinstance(diff.get("before"), dict) and isinstance(diff.get("after"), dict):
        return _changed_keys(diff["before"], diff["after"])
    elif "before" in diff or "after" in diff:
        before, after = _text(diff.get("before")), _text(diff.get("after"))
        if before == after:
            return []
        old, new = before.splitlines(), after.splitlines()
        if max(len(old), len(new)) > LARGEST_DIFF:
            return [((f"{len(old):,} lines become {len(new):,}: too many to compare here", "dim"),)]
        was, becomes = (one_line(str(diff.get(f"{side}_header") or side)) for side in ("before", "after"))
        lines = list(unified_diff(old, new, was, becomes, lineterm=""))
        if before.rstrip("\n") == after.rstrip("\n"):
            lines.append("\\ they differ in the newline at the end")
    else:
        return []
    kept = [one_line(line) for line in lines[:LONGEST_DIFF]]
    shown: list[Line] = [
        ((line, "bold" if line[:3] in {"---", "+++"} else _DIFF_STYLES.get(line[:1], "")),) for line in kept
    ]
    if len(lines) > LONGEST_DIFF:
        shown.append(((f"… {len(lines) - LONGEST_DIFF} more lines", "dim"),))
    return shown


def _changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Line]:
    """Return the attributes that differ, each with what it was and what it becomes."""
    shown: list[Line] = []
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            name = one_line(str(key))
            if key in before:
                shown.append(((f"-{name}: {_short(before[key])}", "removed"),))
            if key in after:
                shown.append(((f"+{name}: {_short(after[key])}", "added"),))
    return shown[:LONGEST_DIFF]


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value) + "\n"
