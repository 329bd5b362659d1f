from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.engine.events import Event, Message, NodeLost, NodeSummary, TaskInfo
from hivectl.model.origin import Origin
from hivectl.report.base import ReportError
from hivectl.report.github import escape_data, escape_property, repository_path
from hivectl.report.registry import open_reports
from tests.support.events import ended, finished, now, started, task

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")
BAD = {"failed": True, "msg": "no pump: 5% left, sadly", "stderr": "line 1\nline 2\n", "rc": 1}


def report(*events: Event, **environment: str) -> list[tuple[str, dict[str, str], str]]:
    """Return the annotations as the runner reads them."""
    stdout = io.StringIO()
    for reporter in open_reports(["github"], stdout=stdout, stderr=io.StringIO(), environment=environment):
        for event in events:
            reporter(event)
        reporter.close()
    found = []
    for line in stdout.getvalue().splitlines():
        level, properties, message = COMMAND.fullmatch(line).groups()  # type: ignore[union-attr]  # else it fails
        pairs = dict(one.split("=", 1) for one in properties.split(","))
        found.append((level, {name: read(value) for name, value in pairs.items()}, read(message)))
    return found


def read(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def at(path: Path) -> TaskInfo:
    return TaskInfo(
        play="P", name="Start, now: 100%", module="command", origin=Origin(str(path), 4, 7), number=1
    )


def test_a_failure_is_told_once_at_its_line(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    playbook = tmp_path / "plays, all" / "site.yml"
    nodes = [f"m{number}" for number in range(1, 201)]
    [(level, properties, message)] = report(
        *started(nodes), *(finished(node, at(playbook), "failed", BAD, reason="no pump") for node in nodes)
    )
    assert level == "error"
    assert properties == {
        "file": "plays, all/site.yml",
        "line": "4",
        "col": "7",
        "title": "m[1:200]: Start, now: 100%",
    }
    assert message.startswith("no pump")
    assert "stderr | line 1\nstderr | line 2" in message


def test_what_else_went_wrong_has_its_level() -> None:
    found = report(
        *started(["m1", "m2"]),
        finished("m1", task("Try"), "ignored", {"msg": "no matter"}, reason="no matter"),
        finished("m1", task("Reach", 2), "unreachable", {"msg": "gone"}, reason="gone"),
        NodeLost(time=now(), node="m1", reason="gone", skipped=3),
        NodeLost(time=now(), node="m2", reason="the reservation was lost", skipped=3),
        Message(time=now(), level="info", text="still there"),
        Message(time=now(), level="warning", text="careful", node="m2"),
        ended({}),
    )
    assert [(level, properties["title"]) for level, properties, _ in found] == [
        ("notice", "m1: Try"),
        ("error", "m1: Reach"),
        ("error", "m2: left out"),
        ("warning", "m2: warning"),
    ]


def test_a_run_without_faults_says_nothing() -> None:
    assert report(*started(["m1"]), finished("m1", task("Copy"), "changed"), ended({})) == []


@given(st.text(max_size=40))
def test_whatever_is_written_is_read_again(text: str) -> None:
    for escape in (escape_data, escape_property):
        written = escape(text)
        assert read(written) == text
        assert "\n" not in written
        assert "\r" not in written
    assert not set(escape_property(text)) & set(":,")


def test_the_job_has_a_summary(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("of the step before\n")
    evil = {"failed": True, "msg": "a | b\n```\n<script>", "rc": 1}
    report(
        *started(["m1", "m2"]),
        finished("m1", task("Start | now", 2), "failed", evil, reason="a | b"),
        ended({"m1": NodeSummary(failed=1), "m2": NodeSummary(ok=1)}, status="failed", exit_code=1),
        GITHUB_STEP_SUMMARY=str(path),
    )
    text = path.read_text()
    assert text.startswith("of the step before\n### site.yml\n")
    assert "failed on 1 of 2 nodes in 2.5 s: nothing changed" in text
    assert "| node | ok | changed | failed |" in text
    assert "| m1 | 0 | 0 | 1 |" in text
    assert r"m1: Start \| now" in text
    assert "````\n" in text, "the fence is longer than what stands inside"


def test_a_summary_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    where = {"GITHUB_STEP_SUMMARY": str(tmp_path)}
    github, *_ = open_reports(["github"], stdout=io.StringIO(), stderr=io.StringIO(), environment=where)
    with pytest.raises(ReportError, match="the step's summary cannot be written"):
        github.close()


def test_paths_count_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    playbook = tmp_path / "work" / "sub" / "site.yml"
    playbook.parent.mkdir(parents=True)
    assert repository_path(str(playbook), {"GITHUB_WORKSPACE": str(tmp_path / "work")}) == "sub/site.yml"
    assert repository_path(str(playbook), {}) == str(playbook)
    monkeypatch.chdir(playbook.parent)
    assert repository_path("site.yml", {}) == "site.yml"
    (tmp_path / ".git").mkdir()
    assert repository_path("site.yml", {}) == "work/sub/site.yml"
