"""Results in files: whole, well-formed, whatever names and values they have."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from hivectl.bitstream.evaluations import Evaluation
from hivectl.bitstream.plot import plot
from hivectl.bitstream.saving import COLUMNS, Saving, SavingError, UnknownFormError, junit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

GOOD = Evaluation(circuit=0, name="a.bin", board="ice1", values=(480.0,), cycles=4800, sha256="ab" * 32)
STRANGE = Evaluation(circuit=1, name='<&"\x1b[31m\n.bin', board="ice<2>", values=(0, 3, 6), warnings=("odd",))
WRONG = Evaluation(circuit=2, name="b.bin", board="ice1", values=(5,), unexpected="5 instead of 6")
BAD = Evaluation(circuit=3, name="c.bin", error="text, not a bitstream")
ALL = (GOOD, STRANGE, WRONG, BAD)


def test_every_form_has_every_result(tmp_path: Path) -> None:
    paths = [tmp_path / "new" / f"r{suffix}" for suffix in (".jsonl", ".csv", ".xml", ".svg")]
    with Saving(paths) as saving:
        for number, one in enumerate(ALL, 1):
            saving.add(one)
            # whoever watches the files sees a result as soon as it is there
            assert len(paths[0].read_text().splitlines()) == number
    lines = [json.loads(line) for line in paths[0].read_text().splitlines()]
    assert [line["file"] for line in lines] == [one.name for one in ALL]
    assert [line["ok"] for line in lines] == [True, True, False, False]
    with paths[1].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["value"] for row in rows] == ["480.0", "3.0", "5", ""]
    assert rows[1]["values"] == "0 3 6"
    suites = ET.parse(paths[2]).getroot()
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("4", "1", "1")
    titles = [title.text or "" for title in ET.parse(paths[3]).getroot().findall(".//{*}title")]
    assert sum("c.bin on no board: text, not a bitstream" in title for title in titles) == 1
    assert any("5 instead of 6" in title for title in titles)


@pytest.mark.parametrize(
    "evaluations",
    [
        (),
        (BAD,),
        (Evaluation(circuit=0, name="zero", board="a", values=(0,)),),
        tuple(Evaluation(circuit=n, name=f"c{n}", board=f"b{n % 16}", values=(10.0**n,)) for n in range(10)),
        tuple(Evaluation(circuit=n, name=f"c{n}", board="b", values=(n * 0.01,)) for n in range(500)),
    ],
)
def test_any_results_make_a_picture(evaluations: Sequence[Evaluation]) -> None:
    root = ET.fromstring(plot(evaluations))
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    dots = root.findall(".//{*}circle")
    assert len(dots) >= 2 * sum(1 for one in evaluations if one.values)
    assert all(0 <= float(dot.get("cx", "")) <= width for dot in dots)
    assert all(0 <= float(dot.get("cy", "")) <= height for dot in dots)


def test_forty_boards_have_forty_signs() -> None:
    picture = plot([Evaluation(circuit=n, name="c", board=f"b{n}", values=(n,)) for n in range(40)])
    signs = re.findall(r'<(circle|path d="M[\d.]+ [\d.]+)(.*?fill="#\w+").*?><title>c on (b\d+):', picture)
    shown = {(kind[:6], re.sub(r'c[xy]="[\d.]+"', "", rest)) for kind, rest, _ in signs[:40]}
    assert len(shown) == 40
    assert [board for *_, board in signs[:40]] == [f"b{n}" for n in range(40)]


def test_junit_of_nothing() -> None:
    assert ET.fromstring(junit([])).get("tests") == "0"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormError, match=r"r.png: .*name it .jsonl"):
        Saving([tmp_path / "r.png"])
    (tmp_path / "file").write_text("")
    with pytest.raises(SavingError, match="cannot be written"), Saving([tmp_path / "file" / "r.csv"]):
        pass
    with pytest.raises(SavingError, match="No space left"), Saving([_full(tmp_path)]) as saving:
        saving.add(GOOD)


def _full(folder: Path) -> Path:
    link = folder / "full.jsonl"
    link.symlink_to("/dev/full")
    return link
