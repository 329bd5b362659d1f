from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hivectl.cli.schema import SchemaName, text_of

if TYPE_CHECKING:
    from tests.support.command import Lab

SCHEMAS = Path(__file__).parents[2] / "schemas"


@pytest.mark.parametrize("name", list(SchemaName))
def test_the_schemas_in_the_repository_are_current(name: SchemaName) -> None:
    stored = (SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert stored == text_of(name), "run `hivectl schema --output schemas`"


def test_all_are_written_or_one_is_printed(lab: Lab) -> None:
    assert lab.run("schema", "--output", "made").returncode == 0
    for name in SchemaName:
        text = (lab.folder / "made" / f"{name}.schema.json").read_text()
        assert json.loads(text)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert lab.run("schema", name).stdout == text


def test_a_folder_that_cannot_be_written_is_told(lab: Lab) -> None:
    lab.write("made", "a file")
    done = lab.run("schema", "--output", "made")
    assert done.returncode == 3
    assert done.stderr.startswith("error: the schemas cannot be written to made: ")
    assert lab.run("schema").returncode == 3
