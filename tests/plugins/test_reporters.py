"""A package of somebody else's brings a reporter: it is found by its name, and its faults are told to its users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.command import PACKAGE, Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path

PLAYBOOK = "- hosts: m1\n  tasks:\n    - {name: Note, copy: {content: here, dest: ~/here}}\n"
REPORTER = '''\
"""Says each step in a word."""

from hivectl.engine.events import StepFinished
from hivectl.report.base import ReporterKind


class Words:
    def __init__(self, destination):
        self.output = destination.output

    def __call__(self, event):
        if isinstance(event, StepFinished):
            self.output.write(f"{event.node} {event.status}\\n")

    def tick(self, now):
        pass

    def close(self):
        self.output.close()


REPORTER = ReporterKind(name="words", summary="a word for each step", make=Words)
'''


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    lab = make_lab(tmp_path)
    lab.write("note.yml", PLAYBOOK)
    return lab


def package(lab: Lab, source: str) -> str:
    """Write what pip leaves of such a package; returns PYTHONPATH."""
    site = lab.write("site/lab_words.py", source).parent
    lab.write(
        "site/lab_words-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab-words\nVersion: 1.0\n"
    )
    lab.write(
        "site/lab_words-1.0.dist-info/entry_points.txt", "[hivectl.reporters]\nwords = lab_words:REPORTER\n"
    )
    return f"{site}:{PACKAGE}"


def test_it_writes_beside_ours(lab: Lab) -> None:
    path = package(lab, REPORTER)
    done = lab.run("apply", "note.yml", "--report", "words", "--report", "human=run.txt", PYTHONPATH=path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "m1 changed\n", "")
    assert "changed      m1" in (lab.folder / "run.txt").read_text()
    done = lab.run("apply", "note.yml", "--report", "words=words.txt", PYTHONPATH=path)
    assert (lab.folder / "words.txt").read_text() == "m1 ok\n"
    assert "nothing changed" in done.stdout


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_library\n", "cannot be loaded: ModuleNotFoundError"),
        ("REPORTER = 7\n", "as the report 'words', but that is no ReporterKind"),
    ],
    ids=["import", "kind"],
)
def test_what_is_wrong_with_it_is_told_before_the_run(lab: Lab, source: str, told: str) -> None:
    done = lab.run("apply", "note.yml", "--report", "words", PYTHONPATH=package(lab, source))
    assert done.returncode == 3
    assert "lab-words" in done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (lab.folder / "home/here").exists()


def test_a_misspelt_name_is_guessed_among_all(lab: Lab) -> None:
    done = lab.run("apply", "note.yml", "--report", "wordz", PYTHONPATH=package(lab, REPORTER))
    assert done.returncode == 3
    assert "did you mean 'words'?" in done.stderr
