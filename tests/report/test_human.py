from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hivectl.engine.events import Event, Message, NodeLost, NodeSummary, Timing, Waiting
from hivectl.report.base import Destination, Output, ReportError, Wishes
from hivectl.report.plain import Plain
from tests.support.events import ended, finished, now, started, task

DIFF = {
    "before": "a\nb\n",
    "after": "a\nc\n",
    "before_header": "/etc/pump",
    "after_header": "/etc/pump (new)",
}


def report(*events: Event, wishes: Wishes | None = None) -> str:
    stream = io.StringIO()
    plain = Plain(Destination(output=Output(stream, "a test"), environment={}, wishes=wishes or Wishes()))
    for event in events:
        plain(event)
    plain.close()
    return stream.getvalue()


def nodes(count: int) -> list[str]:
    return [f"m{number}" for number in range(1, count + 1)]


def test_many_nodes_that_did_the_same_are_one_line() -> None:
    text = report(
        *started(nodes(1000)), *(finished(node, task("Copy config"), "changed") for node in nodes(1000))
    )
    assert re.findall(r"^changed +(\S+) +Copy config$", text, re.MULTILINE) == ["m[1:1000]"]


def test_a_line_is_shown_as_soon_as_all_nodes_have_done_the_task() -> None:
    stream = io.StringIO()
    plain = Plain(Destination(output=Output(stream, "a test"), environment={}))
    for event in [*started(nodes(2)), finished("m1", task("Copy"))]:
        plain(event)
    assert "Copy" not in stream.getvalue()
    plain(finished("m2", task("Copy")))
    assert "m1,m2" in stream.getvalue()


def test_slow_nodes_do_not_hold_back_what_others_did() -> None:
    stream = io.StringIO()
    plain = Plain(Destination(output=Output(stream, "a test"), environment={}))
    for event in [*started(nodes(3)), finished("m1", task("Copy"), time=1000.0)]:
        plain(event)
    plain.tick(1001.0)
    assert "Copy" not in stream.getvalue()
    plain.tick(1003.0)
    assert re.search(r"^ok +m1 +Copy$", stream.getvalue(), re.MULTILINE)


def test_a_failure_is_shown_at_once_and_the_same_on_others_folded() -> None:
    result = {"failed": True, "msg": "no space left", "stderr": "cp: write error\n", "rc": 1}
    every = nodes(500)
    text = report(
        *started(every),
        *(finished(node, task("Copy"), "failed", result, reason="no space left") for node in every),
        *(finished(node, task("Start", 2), "skipped", cause=f"{node}: Copy") for node in every),
    )
    assert text.count("no space left") == 1
    assert "stderr | cp: write error" in text
    assert "at site.yml:3:7" in text
    assert re.findall(r"^failed +(\S+) +Copy", text, re.MULTILINE) == ["m1", "m[2:500]"]
    assert "Start" not in text


def test_what_a_node_did_before_it_failed_stands_before_the_failure() -> None:
    text = report(
        *started(nodes(3)),
        *(finished(node, task("Copy"), "changed") for node in nodes(2)),
        finished("m2", task("Start", 2), "failed", {"msg": "denied"}, reason="denied"),
        finished("m3", task("Copy"), "changed"),
        finished("m1", task("Start", 2)),
    )
    heads = [line.split()[:3] for line in text.splitlines() if re.match(r"(ok|changed|failed) ", line)]
    assert heads == [
        ["changed", "m1,m2", "Copy"],
        ["failed", "m2", "Start"],
        ["changed", "m3", "Copy"],
        ["ok", "m1", "Start"],
    ]


def test_the_root_cause_is_named_once_with_what_was_skipped() -> None:
    text = report(
        *started(nodes(3)),
        finished("m1", task("Copy"), "failed", {"msg": "denied"}, reason="denied"),
        *(
            finished("m1", task(f"Later {number}", number), "skipped", cause="m1: Copy")
            for number in range(2, 6)
        ),
        NodeLost(time=now(), node="m1", reason="denied", skipped=4),
        ended(
            {"m1": NodeSummary(failed=1, skipped=4), "m2": NodeSummary(ok=5)}, status="failed", exit_code=1
        ),
    )
    assert text.count("denied") == 1
    assert "4 steps because of m1: Copy" in text
    assert "Later" not in text


def test_a_lost_node_without_a_failed_step_is_told_once() -> None:
    text = report(
        *started(nodes(3)),
        *(NodeLost(time=now(), node=node, reason="the reservation was lost", skipped=2) for node in nodes(3)),
        ended({}),
    )
    assert re.findall(r"^left out +(\S+) +the reservation was lost$", text, re.MULTILINE) == ["m1", "m2,m3"]


def test_diffs_are_unified_and_shown_once_for_all_nodes_with_the_same() -> None:
    text = report(
        *started(nodes(3)), *(finished(node, task("Copy"), "changed", {"diff": DIFF}) for node in nodes(3))
    )
    assert text.count("+c") == 1
    for line in ("--- /etc/pump", "+++ /etc/pump (new)", "-b", "+c"):
        assert re.search(rf"^ +{re.escape(line)}$", text, re.MULTILINE)


def test_a_difference_in_the_last_newline_can_be_seen() -> None:
    diff = {"before": "a\n", "after": "a"}
    assert "newline at the end" in report(
        *started(["m1"]), finished("m1", task("Copy"), "changed", {"diff": diff})
    )


def test_a_huge_diff_is_cut() -> None:
    diff = {"before": "", "after": "".join(f"{number}\n" for number in range(2000))}
    text = report(*started(["m1"]), finished("m1", task("Copy"), "changed", {"diff": diff}))
    assert len(text.splitlines()) < 200
    assert "more lines" in text
    diff = {"before": "a\n" * 100_000, "after": "b\n" * 100_000}
    assert "100,000 lines" in report(
        *started(["m1"]), finished("m1", task("Copy"), "changed", {"diff": diff})
    )


def test_debug_shows_its_message_and_its_variable() -> None:
    result = {"msg": "hello\nworld", "changed": False}
    text = report(*started(["m1"]), finished("m1", task("Say", module="debug"), "ok", result))
    assert re.search(r"^ +hello\n +world$", text, re.MULTILINE)
    result = {"pump": {"speed": 3}, "changed": False}
    assert '"speed": 3' in report(*started(["m1"]), finished("m1", task("Say", module="debug"), "ok", result))


def test_a_run_that_got_no_nodes_has_not_failed() -> None:
    text = report(*started(["m1"]), ended({"m1": NodeSummary()}, status="failed", exit_code=5))
    assert "not begun in" in text
    assert "failed" not in text
    assert "failed" in report(
        *started(["m1"]), ended({"m1": NodeSummary(failed=1)}, status="failed", exit_code=5)
    )


def test_a_message_of_many_lines_is_said_once() -> None:
    message = "pump ended at once\nTraceback:\n  File main.py\nOSError: 5"
    event = finished(
        "m1", task("Pump"), "failed", {"failed": True, "msg": message}, reason="pump ended at once …"
    )
    text = report(*started(["m1"]), event)
    assert text.count("pump ended at once") == 1
    assert "OSError: 5" in text


def test_failed_items_of_a_loop_are_named() -> None:
    results = [
        {"item": "a", "failed": False},
        {"item": "b", "failed": True, "msg": "denied"},
        {"item": {"name": "c"}, "failed": True, "msg": "missing"},
    ]
    text = report(*started(["m1"]), finished("m1", task("Copy"), "failed", {"results": results}))
    assert "item b: denied" in text
    assert 'item {"name": "c"}: missing' in text


def test_what_nodes_say_cannot_steer_the_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b1m\rfake ok\nfailed=0"
    text = report(
        *started(["m1", "m2"]),
        finished("m1", task("Run"), "failed", {"msg": evil, "stderr": evil}, reason=evil),
        finished("m2", task("Say", module="debug"), "ok", {"msg": evil, evil: evil}),
        finished(
            "m2", task("Copy", 2), "changed", {"diff": {"before": evil, "after": "x", "after_header": evil}}
        ),
        finished("m2", task("Skip", 3), "skipped", reason=evil),
        NodeLost(time=now(), node="m2", reason=evil),
        Message(time=now(), level="warning", text=evil, node="m1"),
        Waiting(time=now(), what=(evil,)),
        ended({}, reason=evil, status="failed", critical_path=(Timing(node="m1", task=evil, seconds=3),)),
    )
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "\\x1b[2J" in text


def test_in_check_mode_nothing_claims_to_have_changed() -> None:
    events = [finished("m1", task("Copy"), "changed"), ended({"m1": NodeSummary(changed=1)})]
    text = report(*started(["m1"], mode="check"), *events)
    assert "would change" in text
    assert "1 step would change" in text
    assert "1 step changed" in report(*started(["m1"]), *events)


def test_the_summary_says_who_ended_how_what_was_slow_and_how_to_go_on() -> None:
    text = report(
        *started(nodes(20)),
        ended(
            {node: NodeSummary(ok=3, changed=1) for node in nodes(19)} | {"m20": NodeSummary(ok=1, failed=1)},
            status="failed",
            exit_code=1,
            seconds=72.0,
            critical_path=(
                Timing(node="m3", task="Install", seconds=60),
                Timing(node="m3", task="Copy", seconds=9),
            ),
            slowest=(Timing(node="m3", task="Install", seconds=60),),
            pending_handlers=("m3: restart", "m4: restart"),
            resume=True,
        ),
    )
    assert "failed on 1 of 20 nodes in 72.0 s: 19 steps changed" in text
    assert text.index("m20 ") < text.index("m[1:19]")
    assert "m3 Install 60.0 s > Copy 9.0 s" in text
    assert "handler restart on m3,m4" in text
    assert "hivectl apply --resume R1" in text


def test_the_same_warning_of_many_nodes_is_told_once() -> None:
    text = report(
        *started(nodes(50)),
        *(Message(time=now(), level="warning", text="no python3", node=node) for node in nodes(50)),
    )
    assert text.count("no python3") == 2
    assert "warning: m[2:50]: no python3" in text


def test_a_full_disk_does_not_end_the_run_but_is_told_at_the_end() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        plain = Plain(Destination(output=Output(stream, "/dev/full"), environment={}))
        for event in started(nodes(2)):
            plain(event)
        with pytest.raises(ReportError, match="No space left"):
            plain.close()
        # what could not be written stays in the stream's buffer
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_rich_is_only_imported_for_a_terminal() -> None:
    code = """
import sys
from hivectl.report.registry import open_reports
report, = open_reports(["human"], stdout=sys.stdout, stderr=sys.stderr, environment={"TERM": "xterm"})
assert "rich" not in sys.modules, "rich"
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)


def test_attributes_that_differ_are_named_and_no_others() -> None:
    diff = {
        "before": {"state": "absent", "path": "/srv"},
        "after": {"state": "directory", "path": "/srv", "mode": "0755"},
    }
    text = report(*started(["m1"]), finished("m1", task("Folder"), "changed", {"diff": diff}))
    assert re.findall(r"^ +([-+].*)$", text, re.MULTILINE) == [
        "-state: absent",
        "+state: directory",
        "+mode: 0755",
    ]


def test_what_a_lost_node_skips_is_counted_to_the_failure_that_was_shown() -> None:
    text = report(
        *started(nodes(3)),
        *(
            finished(node, task("Copy"), "failed", {"msg": "denied"}, reason="denied")
            for node in ("m1", "m2")
        ),
        *(NodeLost(time=now(), node=node, reason="Copy: denied", skipped=4) for node in ("m1", "m2")),
        ended({}, status="failed"),
    )
    assert text.count("denied") == 1
    assert "4 steps each because of m1,m2: Copy" in text


def test_verbose_shows_what_steps_that_went_well_gave() -> None:
    result = {
        "changed": True,
        "rc": 0,
        "stdout": "one\ntwo\x1b[31m\n",
        "stdout_lines": ["one", "two"],
        "stderr": "",
        "cmd": ["seq", "2"],
        "start": "2026-11-21",
    }
    loop = {"changed": False, "results": [{"item": "a", "msg": "fine", "ansible_loop_var": "item"}]}
    events = [
        *started(["m1"]),
        finished("m1", task("Count"), "changed", result=result),
        finished("m1", task("Each", number=2), "ok", result=loop),
    ]
    quiet, talking = report(*events), report(*events, wishes=Wishes(verbose=True))
    assert "one" not in quiet
    lines = [line.strip() for line in talking.splitlines()]
    assert lines[3:7] == ["rc: 0", "stdout | one", "stdout | two\\x1b[31m", 'cmd: ["seq", "2"]']
    assert lines[-2:] == ["item a:", "msg: fine"]


def test_the_command_that_goes_on_names_the_inventory() -> None:
    event = ended({"m1": NodeSummary(failed=1)}, status="failed", resume=True)
    text = report(*started(["m1"]), event, wishes=Wishes(command="hivectl apply -i lab.yml"))
    assert re.search(r"^go on with +hivectl apply -i lab.yml --resume \S+$", text, re.MULTILINE)


def test_what_a_node_says_stands_before_the_line_of_its_step() -> None:
    said = [Message(time=now(), level="info", text="was reset; waiting", node=node) for node in nodes(2)]
    text = report(
        *started(nodes(2)),
        *(
            one
            for node, message in zip(nodes(2), said, strict=True)
            for one in (message, finished(node, task("Reset")))
        ),
        finished("m1", task("Copy", number=2)),
        finished("m2", task("Copy", number=2)),
    )
    lines = [line for line in text.splitlines() if "Reset" in line or "was reset" in line]
    assert ["Reset" in line for line in lines] == [False, False, True], text
