"""`hivectl evaluate` as a user calls it, on boards that run the measuring firmware behind pseudo-terminals."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from hivectl.bitstream.devices import device_named
from tests.support.circuits import random_asc
from tests.support.command import make_lab
from tests.support.pty_boards import pty_boards

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Lab

COUNT = ("--cycles", "4800")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder: Path = tmp_path_factory.mktemp("desk")
    nodes = "".join(
        f"  ice{number}: {{driver: serial, board: pico2-ice, port: {folder}/tty{number}}}\n"
        for number in (1, 2)
    )
    lab = make_lab(folder, f"version: 1\nnodes:\n{nodes}  m1: {{driver: local}}\n")
    up5k = device_named("up5k")
    assert up5k is not None
    for number in (1, 2, 10):
        lab.write(f"circuits/c{number}.asc", random_asc(up5k, number))
    lab.write("circuits/text.bin", "no bitstream")
    lab.write("expected.yml", "c1: 480\nc2: {minimum: 400}\n'c10*': 481 +- 1\n")
    with pty_boards(folder, 2):
        yield lab


def test_a_table_and_its_files(desk: Lab) -> None:
    done = desk.run(
        "evaluate", "ice*", "circuits/*.asc", *COUNT, "--expect-file", "expected.yml", "--save", "out/r.csv",
        "--save", "out/r.svg", "--report", "junit=run.xml",
    )  # fmt: skip  # as it is typed
    assert done.returncode == 0, done.stderr
    title, *rows = done.stdout.splitlines()
    assert title.split() == ["FILE", "BOARD", "VALUE"]
    assert sorted(row.split()[0] for row in rows) == [f"circuits/c{number}.asc" for number in (1, 10, 2)]
    assert {row.split()[2] for row in rows} == {"480"}
    assert "3 evaluations in " in done.stderr
    assert done.stderr.rstrip().endswith("3 as they should be")
    assert (desk.folder / "out/r.svg").read_text().startswith("<svg")
    assert (desk.folder / "run.xml").exists()
    with (desk.folder / "out/r.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


def test_json_lines_and_a_failure(desk: Lab) -> None:
    files = ("circuits/c1.asc", "circuits/text.bin", "circuits/c2.asc")
    done = desk.run("evaluate", "ice1", *files, *COUNT, "--expect", "c2=479", "-o", "jsonl")
    assert done.returncode == 1
    results = {line["file"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert {name: one["ok"] for name, one in results.items()} == dict(
        zip(files, (True, False, False), strict=True)
    )
    assert results["circuits/c1.asc"]["value"] == 480
    assert results["circuits/c1.asc"]["kind"] == "evaluations"
    assert "text, not a bitstream" in results["circuits/text.bin"]["error"]
    assert results["circuits/c2.asc"]["unexpected"] == "480 instead of 479"
    assert done.stderr.rstrip().endswith("1 as they should be, 2 not")
    # what became of each is told already
    assert len(done.stderr.splitlines()) == 1


def test_each_on_every_board_as_csv_and_json(desk: Lab) -> None:
    done = desk.run("evaluate", "ice*", "circuits/c1.asc", *COUNT, "--each", "-n", "3", "-o", "csv")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [
        (row["board"], row["values"], row["deviation"]) for row in sorted(rows, key=lambda row: row["board"])
    ] == [
        ("ice1", "480 480 480", "0.0"),
        ("ice2", "480 480 480", "0.0"),
    ]
    done = desk.run("evaluate", "ice*", "circuits/*.asc", *COUNT, "--boards", "c1*=ice2", "-o", "json")
    items = json.loads(done.stdout)["items"]
    assert {one["board"] for one in items if one["file"] != "circuits/c2.asc"} == {"ice2"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ice*", "circuits/*.blif"), "no file fits 'circuits/*.blif'"),
        (("ice*", "circuits/*.asc", "--window", "0s"), "a window of 0 s holds nothing"),
        (("ice*", "circuits/*.asc", "--cycles", "-4"), "a window of -4 cycles holds nothing"),
        (("ice*", "circuits/*.asc", "--window", "soon"), "soon"),
        (("ice*", "circuits/*.asc", "--measure", "heat"), "heat"),
        (("ice*", "circuits/*.asc", "--expect", "c9=1"), "something is expected of 'c9'"),
        (("ice*", "circuits/*.asc", "--expect", "c1"), "'c1' is no FILE=VALUE"),
        (("ice*", "circuits/*.asc", "--save", "counts.bmp"), "results are not written in this form"),
        (("ice*", "circuits/*.asc", "--report", "jsonl"), "standard output is for the results"),
        (("ice*", "circuits/*.asc", "--boards", "c1.asc=ice9"), "ice9 is not chosen\n  chosen are ice1, ice2"),
        (("nobody", "circuits/*.asc"), "nobody"),
        (("m1", "circuits/*.asc"), "m1"),
    ],
)  # fmt: skip  # a table
def test_a_command_line_that_is_wrong(desk: Lab, arguments: tuple[str, ...], says: str) -> None:
    done = desk.run("evaluate", *arguments)
    assert done.returncode == 3, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_nothing_but_bad_files(desk: Lab) -> None:
    done = desk.run("evaluate", "ice*", "circuits", "circuits/none.asc", *COUNT)
    assert done.returncode == 1
    assert "a folder, not a bitstream (write circuits/*.bin)" in done.stdout
    assert "there is no such file" in done.stdout
    assert done.stdout.count("circuits/none.asc") == 1
    assert done.stderr.count("\n") == 1, "all is said already"


def test_check_mode(desk: Lab) -> None:
    done = desk.run("evaluate", "ice*", "circuits/*", "--check")
    assert done.returncode == 1
    assert "circuits/text.bin: text, not a bitstream" in done.stderr
    assert desk.run("evaluate", "ice*", "circuits/*.asc", "--check").returncode == 0
