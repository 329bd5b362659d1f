from __future__ import annotations

import io
import json
import stat
from typing import TYPE_CHECKING

import pytest

from hivectl.engine.events import NodeSummary
from hivectl.model.errors import Complaints, InputError
from hivectl.report.registry import open_reports, reporter_names
from tests.support.events import ended, finished, started, task

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.report.base import Reporter


def opened(*specifications: str) -> tuple[tuple[Reporter, ...], io.StringIO, io.StringIO]:
    stdout, stderr = io.StringIO(), io.StringIO()
    return open_reports(specifications, stdout=stdout, stderr=stderr, environment={}), stdout, stderr


def drive(reporters: tuple[Reporter, ...]) -> None:
    for event in [
        *started(["m1"]),
        finished("m1", task("Copy"), "changed"),
        ended({"m1": NodeSummary(changed=1)}),
    ]:
        for reporter in reporters:
            reporter(event)
            reporter.tick(event.time)
    for reporter in reporters:
        reporter.close()


def test_people_see_a_run_on_standard_output() -> None:
    reporters, stdout, stderr = opened()
    drive(reporters)
    assert "changed      m1" in stdout.getvalue()
    assert not stderr.getvalue()


def test_json_lines_are_versioned_objects_and_nothing_else() -> None:
    reporters, stdout, _ = opened("jsonl")
    drive(reporters)
    lines = [json.loads(line) for line in stdout.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["run_started", "play_started", "step_finished", "run_ended"]
    assert {line["version"] for line in lines} == {1}
    assert lines[2]["task"]["origin"] == {"path": "site.yml", "line": 3, "column": 7}
    assert lines[2]["status"] == "changed"


def test_people_give_way_to_standard_error() -> None:
    reporters, stdout, stderr = opened("human", "jsonl")
    drive(reporters)
    assert all(json.loads(line) for line in stdout.getvalue().splitlines())
    assert "changed      m1" in stderr.getvalue()


def test_a_report_in_a_file_leaves_people_on_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    reporters, stdout, _ = opened(f"jsonl={path}")
    drive(reporters)
    assert "changed      m1" in stdout.getvalue()
    assert len(path.read_text().splitlines()) == 4
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


def test_wrong_reports_are_all_named() -> None:
    with pytest.raises(Complaints) as caught:
        opened("hunam", "jsonl=")
    assert "did you mean 'human'?" in str(caught.value)
    assert "names no file" in str(caught.value)
    with pytest.raises(InputError, match="there is no folder /no/such/folder"):
        opened("jsonl=/no/such/folder/x")


def test_two_reports_do_not_write_one_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two reports both want the file"):
        opened(f"jsonl={tmp_path}/x", f"junit={tmp_path}/x")
    with pytest.raises(InputError, match="both want standard output"):
        opened("jsonl", "junit")
    assert not list(tmp_path.iterdir())


def test_the_names_are_the_files() -> None:
    assert reporter_names() == ("github", "human", "jsonl", "junit")
