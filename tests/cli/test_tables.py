from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.cli.options import Format
from hivectl.cli.tables import GAP, Column, fitted, write
from hivectl.model.secret import Secret

COLUMNS = [
    Column("node", "NODE"),
    Column("labels", "LABELS"),
    Column("count", "COUNT", right=True),
    Column("more", "MORE", wide=True),
]
ITEMS: list[dict[str, Any]] = [
    {"node": "m1", "labels": {"kind": "a"}, "count": 3, "more": ["x", "y"], "hidden": 1},
    {"node": "pico10", "labels": {}, "count": 12, "more": None, "hidden": 2},
]


def written(form: Format, items: list[dict[str, Any]] | None = None) -> str:
    stream = io.StringIO(newline="")
    write("nodes", COLUMNS, ITEMS if items is None else items, form, stream=stream)
    return stream.getvalue()


def test_a_table() -> None:
    assert written(Format.TABLE) == "NODE    LABELS  COUNT\nm1      kind=a      3\npico10             12\n"


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    assert written(Format.TABLE, [{"node": "m1", "count": 0}]) == "NODE  COUNT\nm1        0\n"


def test_json_is_versioned_and_has_everything() -> None:
    assert json.loads(written(Format.JSON)) == {"version": 1, "kind": "nodes", "items": ITEMS}
    assert json.loads(written(Format.JSON, [])) == {"version": 1, "kind": "nodes", "items": []}


def test_json_lines() -> None:
    lines = [json.loads(line) for line in written(Format.JSONL).splitlines()]
    assert lines == [{"version": 1, "kind": "nodes", **item} for item in ITEMS]


def test_csv() -> None:
    assert list(csv.DictReader(io.StringIO(written(Format.CSV), newline=""))) == [
        {"node": "m1", "labels": "kind=a", "count": "3", "more": "x y"},
        {"node": "pico10", "labels": "", "count": "12", "more": ""},
    ]


@pytest.mark.parametrize("form", list(Format))
def test_secrets_are_masked_and_escapes_made_harmless(form: Format) -> None:
    text = written(
        form, [{"node": Secret("hunter2"), "labels": {"a": Secret("hunter2")}, "count": "\x1b[2J", "more": 1}]
    )
    assert "hunter2" not in text
    assert form is Format.CSV or "\x1b" not in text


@given(
    st.lists(st.dictionaries(st.sampled_from(["node", "labels", "count", "more"]), st.text())),
    st.sampled_from(Format),
)
def test_whatever_nodes_say_can_be_written(items: list[dict[str, Any]], form: Format) -> None:
    text = written(form, items)
    if form is Format.TABLE:
        assert len(text.split("\n")) == (len(items) + 2 if items else 1)
    if form is Format.JSON:
        assert json.loads(text)["items"] == items


def test_times_are_iso_in_json_and_local_in_tables() -> None:
    item = {"node": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)}
    assert json.loads(written(Format.JSONL, [item]))["node"] == "2026-01-02T03:04:05+00:00"
    assert "2026-01-0" in written(Format.TABLE, [item])


@given(st.lists(st.integers(1, 200), min_size=1, max_size=10), st.integers(20, 200))
def test_tables_fit_as_far_as_that_goes(widths: list[int], room: int) -> None:
    fit = fitted(widths, room)
    assert all(new <= old for new, old in zip(fit, widths, strict=True))
    assert all(new == old or new >= 8 for new, old in zip(fit, widths, strict=True))
    assert sum(fit) + GAP * (len(fit) - 1) <= room or all(width <= 8 for width in fit)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_last_column_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    stream = Terminal()
    columns = [Column("name", "NAME"), Column("meaning", "MEANING")]
    write("words", columns, [{"name": "a", "meaning": "word " * 20}], Format.TABLE, stream=stream)
    lines = stream.getvalue().splitlines()
    assert all(len(line) <= 50 for line in lines)
    assert stream.getvalue().count("word") == 20
    assert lines[2].startswith("      word")


def test_on_a_terminal_no_word_is_broken_while_others_can_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    columns = [
        Column("node", "NODE", whole=True),
        Column("labels", "LABELS"),
        Column("path", "PATH"),
        Column("run", "RUN", whole=True),
    ]
    item = {
        "node": "microscope-in-the-basement",
        "labels": {"kind": "microscope", "room": "west"},
        "path": "/a/very/long/path/to/a/playbook/of/ours/site.yml",
        "run": "20261121-162624-8395",
    }
    write("words", columns, [item], Format.TABLE, stream=stream)
    text = stream.getvalue()
    assert "20261121-162624-8395" in text
    assert "microscope-in-the-basement" in text
    assert "site.yml" in text or "…" in text


def test_on_a_terminal_times_are_short() -> None:
    stream = Terminal()
    now = datetime.now(UTC)
    rows = [{"at": now}, {"at": datetime(2020, 1, 2, 12, 0, 5, tzinfo=UTC)}]
    write("times", [Column("at", "AT")], rows, Format.TABLE, stream=stream)
    lines = [line.strip() for line in stream.getvalue().splitlines()]
    assert lines[1] == now.astimezone().strftime("%H:%M:%S")
    assert lines[2].startswith("2020-01-0")
    assert len(lines[2]) == len("2020-01-02 12:00")


def test_a_narrow_terminal_loses_what_is_spare_before_what_people_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    columns = [
        Column("run", "RUN", whole=True),
        Column("mode", "MODE", spare=True),
        Column("playbook", "PLAYBOOK"),
        Column("owner", "OWNER", spare=True),
        Column("status", "STATUS", whole=True),
    ]
    item = {
        "run": "20261121-162624-8395",
        "mode": "apply",
        "playbook": "/srv/lab/playbooks/site.yml",
        "owner": "pi@lab",
        "status": "interrupted",
    }
    shown = {}
    for room in (200, 80, 60):
        monkeypatch.setenv("COLUMNS", str(room))
        stream = Terminal()
        write("runs", columns, [item], Format.TABLE, stream=stream)
        shown[room] = stream.getvalue()
        assert all(len(line) <= room for line in shown[room].splitlines())
        assert "20261121-162624-8395" in shown[room]
        assert "interrupted" in shown[room]
        assert "site.yml" in shown[room]
    assert item["playbook"] in shown[200]
    assert "pi@lab" in shown[80]
    assert "OWNER" not in shown[60]
