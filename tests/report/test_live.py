"""The progress on a real terminal: a pty whose bytes are read back."""

from __future__ import annotations

import os
import pty
import re
import time

import pytest

from hivectl.engine.events import Event, NodeSummary, Waiting
from hivectl.report.base import Destination, Output, ReportError
from hivectl.report.human import make
from hivectl.report.live import Live
from hivectl.report.plain import Plain
from tests.support.events import began, ended, finished, now, started, task

TERMINAL = {"TERM": "xterm-256color"}


def shown(
    events: list[Event], monkeypatch: pytest.MonkeyPatch, *, environment: dict[str, str] | None = None
) -> str:
    """Return every byte that the terminal got."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("hivectl.report.live.DRAWING_INTERVAL", 0.0)
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    seen = b""
    with os.fdopen(theirs, "w") as stream:
        reporter = make(Destination(output=Output(stream, "a terminal"), environment=environment or TERMINAL))
        for event in events:
            reporter(event)
            seen += drained(ours)
        reporter.tick(now())
        reporter.close()
        seen += drained(ours)
    os.close(ours)
    return seen.decode()


def drained(descriptor: int) -> bytes:
    seen = b""
    while True:
        try:
            seen += os.read(descriptor, 65536)
        except BlockingIOError:
            return seen


def test_what_runs_is_drawn_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [f"m{number}" for number in range(1, 21)]
    install = task("Install [bold]packages[/bold]")
    text = shown(
        [
            *started(nodes, steps=20),
            *(began(node, install) for node in nodes),
            Waiting(time=now(), what=("m1: Install (12 s)",)),
            *(finished(node, install, "changed") for node in nodes),
            ended({node: NodeSummary(changed=1) for node in nodes}),
        ],
        monkeypatch,
    )
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert "0/20 steps" in plain
    assert "running  Install [bold]packages[/bold]  m[1:20]" in plain
    assert "waiting  m1: Install (12 s)" in plain
    assert "19/20 steps" in plain
    assert "\x1b[33mchanged" in text
    # the cursor is there again, and the last thing on the screen is the summary, not the progress
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")
    assert "steps" not in plain[plain.index("done in") :].replace("20 steps changed", "")


def test_no_color_means_no_colour_and_no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = [*started(["m1"]), finished("m1", task("Copy"), "changed")]
    text = shown(events, monkeypatch, environment={**TERMINAL, "NO_COLOR": "1"})
    assert "\x1b" not in text
    assert "changed      m1" in text


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_gets_plain_lines(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in shown([*started(["m1"])], monkeypatch, environment={"TERM": term})


def test_a_thousand_nodes_are_drawn_quickly_and_in_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [f"m{number}" for number in range(1000)]
    events: list[Event] = [*started(nodes, steps=10_000)]
    for number in range(10):
        what = task(f"Task {number}", number)
        events += [began(node, what) for node in nodes]
        events += [finished(node, what, "changed") for node in nodes]
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    monkeypatch.setenv("COLUMNS", "100")
    began_at, seen = time.process_time(), b""
    with os.fdopen(theirs, "w") as stream:
        live = Live(Destination(output=Output(stream, "a terminal"), environment=TERMINAL))
        for event in events:
            live(event)
            seen += drained(ours)
        live.close()
        seen += drained(ours)
    os.close(ours)
    # 20,000 events: 0.3 s here; drawing at each of them would take a minute
    assert time.process_time() - began_at < 10
    # the events are a millisecond apart: a line waits at most 0.6 s for more nodes
    assert seen.count(b"changed  ") <= 40


def test_a_terminal_that_goes_away_does_not_end_the_run() -> None:
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w")
    live = Live(Destination(output=Output(stream, "a terminal"), environment=TERMINAL))
    for event in started(["m1"]):
        live(event)
    os.close(ours)
    live(finished("m1", task("Copy"), "changed"))
    live(ended({}))
    with pytest.raises(ReportError):
        live.close()
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    stream.close()


def test_off_terminal_it_is_plain(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (tmp_path_factory.mktemp("report") / "out").open("w") as stream:
        assert isinstance(make(Destination(output=Output(stream, "a file"), environment=TERMINAL)), Plain)


def test_what_stands_below_a_step_is_wrapped_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = finished("m1", task("Look"), "failed", result={"failed": True, "msg": "word " * 60})
    text = shown([*started(["m1"]), failed], monkeypatch)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")
    lines = [line for line in plain.split("\n") if "word" in line]
    assert len(lines) > 2
    assert all(line.startswith(" " * 13 + "word") and len(line) <= 100 for line in lines)
