"""The files that a run stands on, by their digests: a resumed run and a saved plan need them unchanged."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hivectl.model.inventory import Inventory
    from hivectl.model.playbook import Playbook


def digests_of(paths: Iterable[Path]) -> dict[str, str]:
    """Return file -> sha256, of every file in folders too."""
    return {str(file.resolve()): _sha256(file) for path in paths for file in _files_in(path)}


def written_files(playbook: Playbook, inventory: Inventory) -> list[Path]:
    """Return the files that a run reads before it begins: playbooks, inventory, files of variables."""
    files = [*playbook.files, *_files_of(inventory.paths)]
    for play in playbook.plays:
        names = (one for part in play.vars_files for one in ((part,) if isinstance(part, str) else part))
        named = (playbook.path.resolve().parent / name for name in names)
        files += [path for path in named if path.is_file()]
    return files


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Say what has become of each file."""
    for path, digest in before.items():
        if path not in now:
            yield f"{path} is gone"
        elif now[path] != digest:
            yield f"{path} has changed since it was made"
    yield from (f"{path} is new" for path in now if path not in before)


def _files_of(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                one
                for one in path.iterdir()
                if one.suffix in (".yml", ".yaml") and not one.name.startswith(".")
            )
        else:
            yield path


def _files_in(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(one for one in path.rglob("*") if one.is_file())
    elif path.is_file():
        yield path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
