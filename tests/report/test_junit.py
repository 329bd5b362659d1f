"""JUnit's XML: what readers of it count on, and nothing that they refuse."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.engine.events import NodeLost, NodeSummary, PlayStarted
from hivectl.report.registry import open_reports
from tests.support.events import ended, finished, now, started, task
from tests.support.junit import check_junit

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree import ElementTree as ET

    from hivectl.engine.events import Event


def report(*events: Event) -> ET.Element:
    stdout = io.StringIO()
    reporters = open_reports(["junit"], stdout=stdout, stderr=io.StringIO(), environment={})
    for event in events:
        for reporter in reporters:
            reporter(event)
    for reporter in reporters:
        reporter.close()
    return check_junit(stdout.getvalue())


def test_a_case_for_each_step_and_node() -> None:
    bad = {"failed": True, "msg": "no pump", "stdout": "looking\n", "stderr": "none <there>\n", "rc": 2}
    root = report(
        *started(["m1", "m2"]),
        finished("m1", task("Copy"), "changed"),
        finished("m2", task("Copy"), "skipped", reason="when: pump is defined"),
        finished("m1", task("Start", 2), "failed", bad, reason="no pump"),
        finished("m2", task("Start", 2), "unreachable", {"msg": "gone"}, reason="gone"),
        PlayStarted(time=now(), play="Later", nodes=("m1",)),
        ended({"m1": NodeSummary(failed=1)}, status="failed", exit_code=1),
    )
    assert dict(root.attrib) | {"time": ""} == {
        "name": "hivectl apply site.yml",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "",
    }
    assert [suite.get("name") for suite in root] == ["Play", "Later"]
    cases = [
        (case.get("classname"), case.get("name"), [one.tag for one in case]) for case in root.iter("testcase")
    ]
    assert cases == [
        ("m1", "Copy", []),
        ("m2", "Copy", ["skipped"]),
        ("m1", "Start", ["failure", "system-out", "system-err"]),
        ("m2", "Start", ["error"]),
    ]
    assert [one.get("message") for one in root.iter("skipped")] == ["when: pump is defined"]
    [failure] = root.iter("failure")
    assert failure.get("message") == "no pump"
    assert "at site.yml:6:7" in (failure.text or "")
    assert [one.text for one in root.iter("system-err")] == ["none <there>\n"]


def test_a_node_that_is_left_out_without_a_failed_step_is_an_error_of_its_own() -> None:
    root = report(
        *started(["m1"]),
        NodeLost(time=now(), node="m1", reason="the reservation was lost", skipped=3),
        ended({}),
    )
    [case] = root.iter("testcase")
    assert (case.get("classname"), case.get("name"), case[0].tag) == ("m1", "left out", "error")


def test_a_failure_that_was_no_matter_is_no_failure_and_is_told() -> None:
    result = {"failed": True, "msg": "no matter", "stdout": "x"}
    root = report(*started(["m1"]), finished("m1", task("Try"), "ignored", result, reason="no matter"))
    [case] = root.iter("testcase")
    assert [one.tag for one in case] == ["system-out", "system-out"]
    assert "no matter" in (case[0].text or "")


def test_steps_of_one_name_are_told_apart() -> None:
    root = report(*started(["m1"]), *(finished("m1", task("Copy", number)) for number in (1, 2, 3)))
    assert [case.get("name") for case in root.iter("testcase")] == ["Copy", "Copy (2)", "Copy (3)"]


def test_terminal_sequences_and_controls_are_left_out() -> None:
    said = "\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07 nul\x00 \udcff \ufffe tab\t end\r\n"
    root = report(
        *started(["m1"]), finished("m1", task("T"), "failed", {"msg": said, "stdout": said}, reason=said)
    )
    [out] = root.iter("system-out")
    assert out.text == "red bell nul   tab\t end\n"


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_any_text_makes_a_file_that_can_be_read(text: str) -> None:
    result = {"failed": True, "msg": text, "stdout": text, "stderr": text}
    root = report(
        *started(["m1"]),
        finished("m1", task(text or "x"), "failed", result, reason=text),
        finished("m1", task(text or "x", 2), "skipped", reason=text),
    )
    assert len(list(root.iter("testcase"))) == 2


def test_the_file_is_there_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text("of the run before")
    [junit, human] = open_reports(
        [f"junit={path}"], stdout=io.StringIO(), stderr=io.StringIO(), environment={}
    )
    for event in (*started(["m1"]), finished("m1", task("Copy"))):
        junit(event)
    assert path.read_text() == "of the run before"
    human.close()
    junit.close()
    check_junit(path.read_text())
    assert [one.name for one in tmp_path.iterdir()] == ["junit.xml"]


def test_what_cannot_be_read_is_noticed_by_the_check() -> None:
    for wrong in (
        "<testsuites/>",
        '<testsuites name="x" tests="1" failures="0" errors="0" skipped="0" time="0"/>',
    ):
        with pytest.raises(AssertionError):
            check_junit('<?xml version="1.0" encoding="UTF-8"?>\n' + wrong)
