"""`evaluate` in a playbook, on boards that run the measuring firmware behind pseudo-terminals."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from hivectl.bitstream.devices import device_named
from hivectl.engine.events import NodeLost, Partial
from hivectl.model.errors import Complaints, ExitCode
from tests.support.circuits import random_asc
from tests.support.event_schema import check_events
from tests.support.ice_boards import CIRCUITS, FIRMWARE
from tests.support.pty_boards import pty_boards
from tests.support.runs import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.runs import Outcome

UP5K, HX1K = device_named("up5k"), device_named("hx1k")
assert UP5K is not None
assert HX1K is not None
# the firmware's stand-in for a counter: one pulse every ten cycles
CYCLES, PULSES = 4800, 480


@pytest.fixture(scope="module")
def texts() -> list[str]:
    assert UP5K is not None
    return [random_asc(UP5K, seed) for seed in range(3)]


class Desk(Bench):
    """A lab of pico2-ice boards."""

    def __init__(self, folder: Path, texts: list[str]) -> None:
        super().__init__(folder)
        (folder / "circuits").mkdir()
        for number, text in enumerate(texts):
            (folder / "circuits" / f"c{number}.asc").write_text(text)

    def boards(self, count: int, more: str = "") -> None:
        lines = [
            f"  ice{number}: {{driver: serial, board: pico2-ice, port: {self.folder}/tty{number}}}\n"
            for number in range(1, count + 1)
        ]
        self.inventory.write_text("version: 1\nnodes:\n" + "".join(lines) + more)

    def evaluate(self, arguments: str, more: str = "", **options: Any) -> Outcome:
        play = f"- hosts: all\n  gather_facts: false\n  tasks:\n    - name: count\n      evaluate: {{{arguments}}}\n"
        return self.run(play + more, **options)


@pytest.fixture
def desk(tmp_path: Path, texts: list[str]) -> Iterator[Desk]:
    desk = Desk(tmp_path, texts)
    desk.boards(2)
    with pty_boards(tmp_path, 2):
        yield desk


def test_circuits_spread_over_boards(desk: Desk) -> None:
    outcome = desk.evaluate(
        f"bitstreams: circuits/*.asc, cycles: {CYCLES}, save: [out/r.jsonl, out/r.csv, out/r.xml, out/r.svg]",
        "      register: pulses\n"
        f"    - assert: {{that: \"pulses.by_file['circuits/c1.asc'] == {PULSES}\"}}\n",
    )
    assert outcome.ended.exit_code == 0
    names = [f"circuits/c{number}.asc" for number in range(3)]
    results = [outcome.result("count", node) for node in ("ice1", "ice2")]
    assert all(result["by_file"] == dict.fromkeys(names, PULSES) for result in results)
    measured = [one for result in results for one in result["results"]]
    assert sorted(one["file"] for one in measured) == names
    parts = [event for event in outcome.events if isinstance(event, Partial)]
    assert sorted(part.data["file"] for part in parts) == names
    assert {part.node for part in parts} == {part.data["board"] for part in parts}
    check_events(outcome.events)
    out = desk.folder / "out"
    lines = [json.loads(line) for line in (out / "r.jsonl").read_text().splitlines()]
    assert sorted(line["file"] for line in lines) == names
    with (out / "r.csv").open(newline="") as file:
        assert {row["value"] for row in csv.DictReader(file)} == {"480"}
    assert len(ET.parse(out / "r.xml").getroot().findall(".//testcase")) == 3
    assert len(ET.parse(out / "r.svg").getroot().findall(".//{*}circle/{*}title")) == 6


def test_each_on_every_board_and_repeats(desk: Desk) -> None:
    outcome = desk.evaluate(f"bitstreams: circuits/c0.asc, cycles: {CYCLES}, spread: false, repeats: 3")
    by_board = outcome.result("count", "ice1")["by_board"]
    assert by_board == {node: {"circuits/c0.asc": PULSES} for node in ("ice1", "ice2")}
    (own,) = outcome.result("count", "ice2")["results"]
    assert (own["board"], own["values"], own["deviation"]) == ("ice2", [480, 480, 480], 0)


def test_circuits_with_boards_of_their_own(desk: Desk) -> None:
    outcome = desk.evaluate(f"bitstreams: circuits/*.asc, cycles: {CYCLES}, boards: {{'c[01].asc': ice2}}")
    files = {one["file"] for one in outcome.result("count", "ice2")["results"]}
    assert files >= {"circuits/c0.asc", "circuits/c1.asc"}


def test_variance(desk: Desk) -> None:
    outcome = desk.evaluate("bitstreams: circuits/c0.asc, measure: variance, samples: 100, waveform: true")
    (one,) = [one for node in ("ice1", "ice2") for one in outcome.result("count", node)["results"]]
    assert one["samples"] == [list(range(100))]
    assert one["value"] == 99 / 100


def test_what_is_not_as_expected_fails(desk: Desk) -> None:
    expect = f"expect: {{c0: {PULSES}, c1: '481 +- 1', c2: 500}}"
    outcome = desk.evaluate(f"bitstreams: circuits/*.asc, cycles: {CYCLES}, {expect}")
    assert outcome.ended.exit_code == 1
    failed = [node for node in ("ice1", "ice2") if outcome.result("count", node).get("failed")]
    assert len(failed) == 1
    assert (
        outcome.message("count", failed[0])
        == "1 of 3 evaluations failed: circuits/c2.asc: 480 instead of 500"
    )


def test_a_bad_file_fails_alone(desk: Desk) -> None:
    assert HX1K is not None
    (desk.folder / "circuits" / "text.bin").write_text("not at all")
    (desk.folder / "circuits" / "other.asc").write_text(random_asc(HX1K, 1))
    (desk.folder / "circuits" / "folder").mkdir()
    outcome = desk.evaluate(
        f"bitstreams: [circuits/*.asc, circuits/text.bin, circuits/folder, circuits/none.bin], cycles: {CYCLES}"
    )
    assert outcome.ended.exit_code == 1
    message = outcome.message("count", "ice1")
    assert message.startswith("4 of 7 evaluations failed: ")
    for part in (
        "circuits/other.asc: made for hx1k, but ice2 has up5k",
        "circuits/text.bin: text, not a bitstream",
        "circuits/folder: a folder, not a bitstream (write circuits/folder/*.bin)",
        "circuits/none.bin: there is no such file",
    ):
        assert part in message
    assert len(outcome.result("count", "ice1")["by_file"]) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("bitstreams: circuits/*.asc, boards: {c0.asc: ice7}", "names ice7, which is no node of this task"),
        ("bitstreams: circuits/*.asc, boards: {c9.asc: ice1}", "names 'c9.asc', which is none of the files"),
        ("bitstreams: circuits/*.asc, expect: {c9: 5}", "something is expected of 'c9', which is none of the files"),
        ("bitstreams: circuits/*.asc, save: [/proc/no/r.csv]", "cannot be written"),
    ],
)  # fmt: skip  # a table
def test_what_makes_no_sense_is_refused_before_anything_is_measured(
    desk: Desk, arguments: str, says: str
) -> None:
    outcome = desk.evaluate(arguments)
    assert outcome.ended.exit_code == 1
    assert says in outcome.message("count", "ice1")
    assert not [event for event in outcome.events if isinstance(event, Partial)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("bitstreams: circuits/*.blif", r"no file fits 'circuits/\*.blif'"),
        ("bitstreams: circuits/*.asc, window: 0", "a window of 0 s holds nothing"),
        ("bitstreams: circuits/*.asc, cycles: -5", "a window of -5 cycles holds nothing"),
        ("bitstreams: circuits/*.asc, window: 1s, cycles: 5", "in seconds or in cycles, not in both"),
        ("bitstreams: circuits/*.asc, expect: {c1: many}", "'many' is no value that can be expected"),
        ("bitstreams: circuits/*.asc, save: [plot.bmp]", "results are not written in this form"),
    ],
)
def test_what_no_board_could_mend_is_refused_before_the_run(desk: Desk, arguments: str, says: str) -> None:
    with pytest.raises(Complaints, match=says):
        desk.evaluate(arguments)


def test_boards_that_measure_nothing(desk: Desk) -> None:
    desk.inventory.write_text(
        f"version: 1\nnodes:\n  p1: {{driver: serial, board: pico-w, port: {desk.folder}/tty1}}\n"
    )
    outcome = desk.evaluate("bitstreams: circuits/*.asc")
    assert "p1 is a board pico-w, which measures nothing, not pulses" in outcome.message("count", "p1")


def test_known_results(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(desk.folder / "cache"))
    arguments = f"bitstreams: circuits/*.asc, cycles: {CYCLES}, spread: false, cache: true"
    for known in (False, True):
        outcome = desk.evaluate(arguments)
        cached = [
            one["cached"] for node in ("ice1", "ice2") for one in outcome.result("count", node)["results"]
        ]
        assert cached == [known] * 6
        desk.events.clear()


def test_check_mode_looks_at_files_alone(desk: Desk) -> None:
    desk.boards(1)
    (desk.folder / "tty1").unlink()
    (desk.folder / "circuits" / "bad.asc").write_text(".device 5k\n")
    outcome = desk.evaluate("bitstreams: circuits/*.asc", mode="check")
    result = outcome.result("count", "ice1")
    assert result["checked"] == 4
    assert "circuits/bad.asc:1:1: up5k has 828 tiles, 0 of them are in the file" in result["msg"]


def test_a_board_that_is_not_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hivectl.bitstream.evaluating.ABSENT", 0.2)
    desk.boards(3)
    outcome = desk.evaluate(f"bitstreams: circuits/*.asc, cycles: {CYCLES}, boards: {{c0.asc: ice3}}")
    assert outcome.ended.exit_code == ExitCode.UNREACHABLE, "as every other command says it"
    parts = {event.data["file"]: event.data for event in outcome.events if isinstance(event, Partial)}
    assert parts["circuits/c1.asc"]["ok"], "the others do what they may"
    assert "no board is plugged in: there is no " in parts["circuits/c0.asc"]["error"]
    (lost,) = [event for event in outcome.events if isinstance(event, NodeLost)]
    assert (lost.node, outcome.ended.nodes["ice3"].failed) == ("ice3", 0)
    assert not any("is quarantined" in said for said in outcome.said()), "nothing was done to it"


def test_a_board_that_is_not_there_and_is_not_needed(desk: Desk) -> None:
    desk.boards(3)
    outcome = desk.evaluate(f"bitstreams: circuits/*.asc, cycles: {CYCLES}")
    assert outcome.ended.exit_code == 0
    assert outcome.ended.seconds < 30, "nobody waits for it"


def test_a_board_in_use_by_another_process(desk: Desk) -> None:
    import fcntl

    with (desk.folder / "tty1").open("rb", buffering=0) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        outcome = desk.evaluate(f"bitstreams: circuits/*.asc, cycles: {CYCLES}")
    assert outcome.ended.exit_code == 0
    assert "is in use by another program" in outcome.result("count", "ice1")["given_up"]
    assert not any("is quarantined" in said for said in outcome.said())


def test_virtual_boards_that_cannot_be_started_are_not_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a machine with neither npm nor a registry that answers
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(desk.folder / "cache"))
    monkeypatch.setenv("PATH", "/nonexistent")
    desk.inventory.write_text(
        "version: 1\nnodes:\n  ice1: {driver: serial, virtual: pico2-ice, board: pico2-ice}\n"
    )
    outcome = desk.evaluate("bitstreams: circuits/*.asc")
    assert outcome.ended.exit_code == ExitCode.UNREACHABLE
    (lost,) = [event for event in outcome.events if isinstance(event, NodeLost)]
    assert lost.reason.count("npm") == 2, "the reason once, and what helps"
    assert not any("is quarantined" in said or "it is reset" in said for said in outcome.said())


def test_a_board_without_the_firmware_gets_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [])
    desk.inventory.write_text(
        "version: 1\nnodes:\n  new1: {driver: serial, virtual: pico2-ice, board: pico2-ice}\n"
        "  farm1: {driver: serial, virtual: pico2-ice-icefarm, board: pico2-ice}\n"
    )
    played = f"bitstreams: {CIRCUITS}/div1024.bin, spread: false, patience: 60s"
    outcome = desk.run(
        "- hosts: new1\n  gather_facts: false\n  tasks:\n"
        f"    - {{name: count, evaluate: {{{played}, firmware: {FIRMWARE}, expect: {{div1024: 46875}}}}}}\n"
        "- hosts: farm1\n  gather_facts: false\n  tasks:\n"
        f"    - {{name: farmed, evaluate: {{{played}, protocol: icefarm, expect: {{div1024: 46875}}}}}}\n",
        seconds=120,
    )
    assert outcome.ended.exit_code == 0, outcome.said()
    assert outcome.result("count", "new1")["changed"]
    assert not outcome.result("farmed", "farm1")["changed"]
    assert any("is flashed anew" in said for said in outcome.said())
