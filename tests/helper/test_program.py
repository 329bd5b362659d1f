"""What is sent to nodes: old syntax, few imports."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hivectl.helper
from hivectl.helper.bundle import LOADER, OURS, SOURCE, extra, preamble
from hivectl.helper.encode import Frame, encode_batch
from hivectl.helper.operations import Batch, Content, Edit, Run, Write
from tests.support.helper import items_of

FOLDER = Path(next(iter(hivectl.helper.__path__)))
SENT = [FOLDER / "program.py", *sorted((FOLDER / "node").glob("*.py"))]
# each of these costs more than the helper's own start
HEAVY = {
    "subprocess",
    "re",
    "pathlib",
    "tempfile",
    "shutil",
    "argparse",
    "threading",
    "typing",
    "hashlib",
    "json",
    "enum",
    "signal",
    "dataclasses",
    "contextlib",
}


@pytest.mark.parametrize("path", SENT, ids=lambda path: path.name)
def test_syntax_is_that_of_python_3_7(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_loader_is_python_3_7_too() -> None:
    ast.parse(LOADER, feature_version=(3, 7))


@pytest.mark.parametrize("magic", [OURS, SOURCE])
def test_a_usual_batch_imports_nothing_heavy(magic: str, tmp_path: Path) -> None:
    operations = (
        Run(argv=("true",)),
        Write(path=f"{tmp_path}/f", content=Content.of(b"x")),
        Edit(path=f"{tmp_path}/f", edit="line", arguments={"line": "a=1", "regexp": "^a="}),
    )
    batch = Batch(run="r", items=items_of(operations))
    # say at the end what was imported, in place of ending at once
    loader = LOADER.replace(
        "main(b)",
        "import hivectl.helper.program as p\np.os._exit=lambda _:os.write(2,repr(set(sys.modules)).encode())\nmain(b)",
    )
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-X", "utf8", "-c", loader, "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(preamble(magic, bytes(encode_batch(batch))))
        process.stdin.flush()
        said = b""
        while b'"done"' not in said:
            piece = os.read(process.stdout.fileno(), 65536)
            assert piece, process.stderr.read()
            said += piece
        process.stdin.close()
        imported = ast.literal_eval(process.stderr.read().decode())
    assert said.count(b'"result"') == 3
    assert not imported & HEAVY


def test_what_few_operations_need_is_sent_by_itself() -> None:
    assert extra(OURS, "facts")
    assert not extra(OURS, "run")
    assert bytes(Frame({"t": "modules"}, b"xy")) == b'{"t":"modules","bytes":2}\nxy'
