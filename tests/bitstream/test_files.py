"""Which files names and globs lead to, and what is no file for a bitstream."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hivectl.bitstream.errors import ImageError
from hivectl.bitstream.files import NoFilesError, find_files, read_circuits, read_file

if TYPE_CHECKING:
    from pathlib import Path


def test_globs_in_their_natural_order(tmp_path: Path) -> None:
    first, second = tmp_path / "files", tmp_path / "play"
    for name in ("c10.bin", "c2.bin", "c1.bin", "deep/er/d.bin", "x[1].bin"):
        path = second / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    first.mkdir()
    (first / "c1.bin").touch()
    folders = [first, second]
    assert list(find_files(["c1*.bin"], folders)) == ["c1.bin"], (
        "the first folder in which anything fits counts"
    )
    assert list(find_files(["c[12]*.bin"], [second])) == ["c1.bin", "c2.bin", "c10.bin"]
    assert list(find_files(["**/*.bin"], [second]))[-1] == "x[1].bin"
    assert "deep/er/d.bin" in find_files(["**/*.bin"], [second])
    assert list(find_files(["x[1].bin"], [second])) == ["x[1].bin"], "a file of this very name"
    assert list(find_files(["c2.bin", "./c2.bin", "c*.bin"], [second])) == ["c2.bin", "c1.bin", "c10.bin"]
    assert list(find_files([f"{second}/c2*"], [first])) == [f"{second}/c2.bin"]
    with pytest.raises(NoFilesError, match=r"no file fits '\*.asc' \(looked in .*files nor in .*play\)"):
        find_files(["*.asc"], folders)
    with pytest.raises(NoFilesError, match="no bitstream is named"):
        find_files([], folders)


def test_what_is_no_ordinary_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(100_000_000)
    for name, says in (
        ("pipe", "no ordinary file"),
        ("empty", "the file is empty"),
        ("huge", "100,000,000 bytes are too many for a bitstream"),
        (".", r"a folder, not a bitstream \(write ./\*.bin\)"),
        ("none", "there is no such file"),
        ("empty/more", "Not a directory"),
    ):
        with pytest.raises(ImageError, match=says):
            read_file(tmp_path / name, name)
    circuits = read_circuits({name: tmp_path / name for name in ("pipe", "none")})
    assert [circuit.bitstream for circuit in circuits] == [None, None]
    assert all(circuit.error for circuit in circuits)
