"""The end of a run for people: who ended how, what took the time, and how to go on."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from hivectl.engine.events import NodeSummary
from hivectl.model.errors import ExitCode
from hivectl.report.names import compress, listing
from hivectl.report.text import count, duration, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hivectl.engine.events import RunEnded, Timing
    from hivectl.report.base import Line

STATUSES = tuple(item.name for item in fields(NodeSummary))
ALWAYS = ("ok", "changed", "failed")
MOST_ROWS = 12
MOST_STEPS = 5
# mode -> what is said of steps that changed, and where there are none
CHANGES = {"apply": ("changed", "nothing changed"), "refresh": ("drifted", "no drift")}
# how people read a column
TITLES = {"unobserved": "unknown"}
# steps quicker than this are not worth a line
QUICK = 0.05


def summary(
    event: RunEnded, skipped: Mapping[str, int], *, mode: str, command: str = "hivectl apply"
) -> list[Line]:
    """Return the lines of the end.

    Args:
        event: the end.
        skipped: "node: task" -> how many steps were skipped because that one failed.
        mode: of the run: all but "apply" change nothing.
        command: what the run is gone on with, by `--resume` behind it.
    """
    lines: list[Line] = [
        (),
        *_verdict(event, mode),
        *_table({} if _not_begun(event) else event.nodes),
        *_because(skipped),
    ]
    if event.seconds >= 1:
        lines += _chain("critical path", event.critical_path, " > ")
        lines += _chain("slowest", event.slowest[:MOST_STEPS], ", ")
    lines += _stats(event.stats)
    lines += _handlers(event.pending_handlers)
    if event.resume:
        lines.append((("go on with    ", "dim"), (f"{command} --resume {event.run}", "bold")))
    return lines


def verdict(event: RunEnded, mode: str) -> str:
    """Return how a run ended, in a sentence without the run's name."""
    word, rest = _words(event, mode)
    return word + rest


def _not_begun(event: RunEnded) -> bool:
    """Whether others held the nodes, so that no step was begun."""
    counts = [getattr(node, name) for node in event.nodes.values() for name in STATUSES]
    return event.exit_code == ExitCode.NOT_RESERVED and not any(counts)


def _words(event: RunEnded, mode: str) -> tuple[str, str]:
    nodes = event.nodes.values()
    changed = sum(node.changed for node in nodes)
    bad = sum(1 for node in nodes if node.failed or node.unreachable)
    done, nothing = CHANGES.get(mode, ("would change", "nothing to change"))
    changes = f"{count(changed, 'step')} {done}" if changed else nothing
    if unknown := sum(node.unobserved for node in nodes):
        changes += f", {count(unknown, 'step')} unknown until applied"
    words = {
        "ok": "done",
        "failed": "not begun"
        if _not_begun(event)
        else f"failed on {bad:,} of {count(len(event.nodes), 'node')}"
        if bad
        else "failed",
        "interrupted": "interrupted, cleaned up",
        "terminated": "terminated, cleaned up",
        "fault": "ended by a fault of hivectl",
    }
    return words.get(event.status, one_line(event.status)), f" in {duration(event.seconds)}: {changes}"


def _verdict(event: RunEnded, mode: str) -> Iterator[Line]:
    word, rest = _words(event, mode)
    yield (
        (word, "ok" if event.status == "ok" else "failed"),
        (rest, ""),
        (f"  (run {event.run})", "dim"),
    )
    if event.reason and event.status != "ok":
        yield ((f"  {one_line(event.reason)}", ""),)


def nodes_alike(nodes: Mapping[str, NodeSummary]) -> tuple[list[str], list[tuple[str, list[int]]], int]:
    """Return the counts by node: nodes with the same counts share a row, those in trouble come first.

    Returns:
        The columns; a label and numbers for each of the first rows; how many nodes are in none of them.
    """
    groups: dict[NodeSummary, list[str]] = {}
    for node, counts in nodes.items():
        groups.setdefault(counts, []).append(node)
    columns = [name for name in STATUSES if name in ALWAYS or any(getattr(counts, name) for counts in groups)]
    titles = [TITLES.get(name, name) for name in columns]
    rows = sorted(groups.items(), key=lambda row: -(row[0].failed + row[0].unreachable))
    shown = [
        (listing(names, 40), [getattr(counts, name) for name in columns])
        for counts, names in rows[:MOST_ROWS]
    ]
    return titles, shown, sum(len(names) for _, names in rows[MOST_ROWS:])


def _table(nodes: Mapping[str, NodeSummary]) -> Iterator[Line]:
    columns, rows, more = nodes_alike(nodes)
    if not rows:
        return
    width = max(len("node"), *(len(label) for label, _ in rows))
    widths = [max(len(name), 4) for name in columns]
    titles = "  ".join(f"{name:>{size}}" for name, size in zip(columns, widths, strict=True))
    yield ((f"  {'node':<{width}}  {titles}", "dim"),)
    for label, numbers in rows:
        cells: list[tuple[str, str]] = [(f"  {label:<{width}}", "")]
        for name, number, size in zip(columns, numbers, widths, strict=True):
            cells.append((f"  {number:>{size}}", name if number else "dim"))
        yield tuple(cells)
    if more:
        yield ((f"  … and {count(more, 'node')} with other counts", "dim"),)


def _because(skipped: Mapping[str, int]) -> Iterator[Line]:
    """Name each root cause once, with what was skipped because of it; nodes with the same cause share a line."""
    groups: dict[tuple[str, int], list[str]] = {}
    for cause, number in skipped.items():
        node, _, task = cause.partition(": ")
        groups.setdefault((task, number), []).append(node)
    for (task, number), nodes in list(groups.items())[:MOST_ROWS]:
        each = " each" if len(nodes) > 1 else ""
        yield (
            (f"{'skipped':<13} ", "skipped"),
            (f"{count(number, 'step')}{each} because of {listing(nodes, 40)}: {one_line(task)}", ""),
        )
    if len(groups) > MOST_ROWS:
        yield ((f"{'':<14}… and because of {count(len(groups) - MOST_ROWS, 'other failure')}", "dim"),)


def _chain(title: str, steps: Iterable[Timing], joint: str) -> Iterator[Line]:
    slow = [step for step in steps if step.seconds >= QUICK]
    shown = sorted(slow, key=lambda step: -step.seconds)[:MOST_STEPS]
    parts = []
    last_node = ""
    for step in slow:
        if step not in shown:
            continue
        node = "" if step.node == last_node else f"{one_line(step.node, 60)} "
        parts.append(f"{node}{one_line(step.task, 60)} {duration(step.seconds)}")
        last_node = step.node
    if parts:
        more = f"{joint}… ({len(slow)} steps)" if len(slow) > len(shown) else ""
        yield ((f"{title:<14}", "dim"), (joint.join(parts) + more, ""))


def _stats(stats: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """Return what `set_stats` has said, that of the whole run first."""
    for owner in sorted(stats, key=lambda name: (name != "_run", name)):
        values = ", ".join(f"{name}={one_line(str(value), 60)}" for name, value in stats[owner].items())
        words = values if owner == "_run" else f"{owner}: {values}"
        yield (("stats         ", "dim"), (words, ""))


def _handlers(pending: Iterable[str]) -> Iterator[Line]:
    groups: dict[str, list[str]] = {}
    for entry in pending:
        node, _, handler = entry.partition(": ")
        groups.setdefault(handler, []).append(node)
    for handler, nodes in groups.items():
        yield (
            ("pending       ", "warning"),
            (f"handler {one_line(handler)} on {compress(nodes)}: the next run does it", ""),
        )
