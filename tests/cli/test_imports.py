"""Starting is quick because little is imported: which modules a command may load."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.command import make_lab

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"asyncssh", "cryptography", "networkx", "rich", "pydantic", "importlib.metadata", "email.message"}
CODE = """
import sys, json, os
sys.argv[0] = "hivectl"
from hivectl.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
INVENTORY = """\
version: 1
nodes:
  m[1:3]: {driver: local}
  p[1:3]: {driver: ssh, host: "{{ name }}.lab"}
"""


def modules(folder: Path, *arguments: str) -> set[str]:
    lab = make_lab(folder, INVENTORY)
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        cwd=folder,
        env=lab.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded: list[str] = json.loads(done.stderr.splitlines()[-1])
    return set(loaded)


@pytest.mark.parametrize(
    ("arguments", "forbidden", "most"),
    [
        (
            ["--help"],
            HEAVY | {"yaml", "jinja2", "asyncio", "sqlite3", "jsonschema_rs", "hivectl.engine"},
            230,
        ),
        (["apply", "--help"], HEAVY | {"yaml", "jinja2", "asyncio", "sqlite3", "jsonschema_rs"}, 250),
        (["validate", "inventory"], HEAVY | {"sqlite3", "jinja2"}, 400),
        (["status"], HEAVY | {"jinja2"}, 430),
        (["runs"], HEAVY | {"jinja2"}, 430),
    ],
)
def test_what_is_not_needed_is_not_imported(
    tmp_path: Path, arguments: list[str], forbidden: set[str], most: int
) -> None:
    loaded = modules(tmp_path, *arguments)
    assert not loaded & forbidden
    assert len(loaded) <= most
