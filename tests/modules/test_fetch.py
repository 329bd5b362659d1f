from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.helper.operations import ItemResult, Operation, Read, Stat
from hivectl.model.origin import Origin
from hivectl.modules.base import ModuleError
from hivectl.modules.fetch import Parameters, Place, folder_of, place_of, procedure
from tests.support.tasks import TaskOnThisMachine, do


def place(src: str, dest: Path, node: str = "m1", **more: Any) -> Place:
    context = TaskOnThisMachine(folder=dest, node=node, origin=Origin(str(dest / "play.yml"), 1, 1))
    return place_of(Parameters(src=src, dest=str(dest), **more), src, context)


def test_the_file_goes_below_its_nodes_name(tmp_path: Path) -> None:
    assert place("/var/log/pump.log", tmp_path).path == tmp_path / "m1/var/log/pump.log"


def test_a_relative_dest_counts_from_the_playbook(tmp_path: Path) -> None:
    context = TaskOnThisMachine(folder=tmp_path, origin=Origin(str(tmp_path / "play.yml"), 1, 1))

    assert place_of(Parameters(src="/a", dest="logs"), "/a", context).path == tmp_path / "logs/n1/a"


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b c", "~", "...", "\n"]), min_size=1).map("/".join))
def test_no_path_on_a_node_leads_outside(src: str) -> None:
    dest = Path("/somewhere/far")
    try:
        found = place(src, dest)
    except ModuleError:
        return  # no file's path at all

    assert found.path.is_relative_to(dest / "m1")
    assert ".." not in found.path.parts


@pytest.mark.parametrize("node", ["..", ".", "", "../up", "a/b", "a\0b"])
def test_no_nodes_name_leads_outside(node: str, tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="folder's name"):
        place("/a", tmp_path, node=node)


def test_flat_needs_a_file_or_a_slash(tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match="slash"):
        place("/a/b", tmp_path, flat=True)
    assert place("/a/b", tmp_path / "new", flat=True).path == tmp_path / "new"


def test_links_below_dest_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "dest/m1").mkdir(parents=True)
    (tmp_path / "dest/m1/var").symlink_to(elsewhere)

    with (
        pytest.raises(ModuleError, match="'var' on the way"),
        folder_of(place("/var/x", tmp_path / "dest"), make=True),
    ):
        pass
    assert list(elsewhere.iterdir()) == []


@dataclass(frozen=True, kw_only=True)
class HostileNode(TaskOnThisMachine):
    """A node that answers what it likes; it stands in for one that no honest helper could be."""

    said_path: str = ""
    brings: bytes = b"evil"
    asked: list[str] = field(default_factory=list)

    async def operate(self, *operations: Operation) -> list[ItemResult]:
        [operation] = operations
        self.asked.append(operation.name)
        if isinstance(operation, Stat):
            digest = hashlib.sha1(b"evil", usedforsecurity=False).hexdigest()
            looks = {
                "exists": True,
                "isreg": True,
                "isdir": False,
                "path": self.said_path,
                "checksum": digest,
            }
            return [ItemResult(index=0, result={"changed": False, "stat": looks})]
        assert isinstance(operation, Read)
        assert operation.sink is not None
        operation.sink.write_bytes(self.brings)
        return [ItemResult(index=0, result={"changed": False})]


def test_a_hostile_node_cannot_choose_where_its_file_goes(tmp_path: Path) -> None:
    context = HostileNode(folder=tmp_path, said_path="/../../../../../../etc/cron.d/evil")
    asked = Parameters(src="~/log", dest=str(tmp_path / "dest"))

    result = asyncio.run(procedure(asked, context))

    assert result["dest"] == str(tmp_path / "dest/n1/etc/cron.d/evil")
    assert (tmp_path / "dest/n1/etc/cron.d/evil").read_bytes() == b"evil"


def test_a_copy_that_differs_from_what_was_seen_is_thrown_away(tmp_path: Path) -> None:
    context = HostileNode(folder=tmp_path, brings=b"something else")

    result = asyncio.run(procedure(Parameters(src="/log", dest=str(tmp_path / "dest")), context))

    assert result["failed"]
    assert "changed while it was fetched" in result["msg"]
    assert list((tmp_path / "dest").iterdir()) == []


def test_a_link_in_the_files_place_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "dest/n1").mkdir(parents=True)
    (tmp_path / "dest/n1/log").symlink_to(victim)

    result = asyncio.run(
        procedure(Parameters(src="/log", dest=str(tmp_path / "dest")), HostileNode(folder=tmp_path))
    )

    assert result["changed"]
    assert victim.read_text() == "mine"
    assert (tmp_path / "dest/n1/log").read_bytes() == b"evil"


def test_a_pipe_or_device_in_the_files_place_is_kept(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ModuleError, match="it is a device, a pipe or a socket"):
        asyncio.run(
            procedure(Parameters(src="/log", dest=str(pipe), flat=True), HostileNode(folder=tmp_path))
        )
    assert pipe.is_fifo()


def test_check_mode_looks_and_brings_nothing(tmp_path: Path) -> None:
    context = HostileNode(folder=tmp_path, check=True)

    result = asyncio.run(procedure(Parameters(src="/log", dest=str(tmp_path / "dest")), context))

    assert result["changed"]
    assert context.asked == ["stat"]
    assert not (tmp_path / "dest").exists()


def test_a_real_file_comes_once_and_gets_usual_permissions(tmp_path: Path) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(bytes(range(256)) * 4096)
    source.chmod(0o600)
    usual = tmp_path / "usual"
    usual.touch()
    arguments = {"src": str(source), "dest": str(tmp_path / "dest")}

    first, second = (do("fetch", arguments, tmp_path) for _ in range(2))

    got = tmp_path / "dest" / "n1" / str(source).lstrip("/")
    assert (first["changed"], second["changed"]) == (True, False)
    assert got.read_bytes() == source.read_bytes()
    assert got.stat().st_mode == usual.stat().st_mode
    assert sorted(path.name for path in (tmp_path / "dest").iterdir()) == ["n1"]
