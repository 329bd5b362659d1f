from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.modules.base import Module, ModuleError
from hivectl.modules.registry import find_module
from tests.support.tasks import TaskOnThisMachine, connect, parameters_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a project, on a machine whose home is empty."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fill(tmp_path / "firmware", {"main.py": "run()\n", "lib/pump.py": "pump\n", "lib/deep/a.py": "a\n"})
    (tmp_path / "firmware/lib/__pycache__").mkdir()
    (tmp_path / "firmware/lib/__pycache__/pump.pyc").write_text("compiled")
    return tmp_path


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def sync(folder: Path, *, check: bool = False, diff: bool = False, **arguments: Any) -> tuple[Any, int]:
    """Do it, and count the round trips."""
    module: Module[Any] = find_module("sync")

    async def main() -> tuple[Any, int]:
        connection: Any = await connect(folder / "state")
        trips = 0
        operate = connection.operate

        def counted(*given: Any) -> Any:
            nonlocal trips
            trips += 1
            return operate(*given)

        connection.operate = counted
        try:
            context = TaskOnThisMachine(folder=folder, open_connection=connection, check=check, diff=diff)
            assert module.procedure is not None
            return await module.procedure(parameters_of(module, arguments, context), context), trips
        finally:
            await connection.close()

    return asyncio.run(main())


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_sent_once_and_then_compared_in_one_round_trip(here: Path) -> None:
    dest = here / "board"
    first, _ = sync(here, src="firmware/", dest=str(dest))
    assert first["changed"]
    assert first["sent"] == [str(dest / name) for name in ("lib/deep/a.py", "lib/pump.py", "main.py")]
    assert tree(dest) == {"main.py": "run()\n", "lib/pump.py": "pump\n", "lib/deep/a.py": "a\n"}
    second, trips = sync(here, src="firmware/", dest=str(dest))
    assert (second["changed"], second["sent"], trips) == (False, [], 1)
    fill(here / "firmware", {"lib/pump.py": "better\n"})
    third, _ = sync(here, src="firmware/", dest=str(dest), diff=True)
    assert third["sent"] == [str(dest / "lib/pump.py")]
    assert len(third["diff"]) == 1


def test_without_a_slash_the_folder_itself_is_put(here: Path) -> None:
    result, _ = sync(here, src="firmware", dest="~/app")
    assert result["changed"]
    assert (here / "home/app/firmware/main.py").read_text() == "run()\n"


def test_what_is_there_alone_stays_unless_it_shall_go(here: Path) -> None:
    dest = here / "home/board"
    more = {"old.py": "old", "gone/x.py": "x", "data/log.csv": "1", "lib/__pycache__/pump.pyc": "theirs"}
    fill(dest, more)
    sync(here, src="firmware/", dest="~/board")
    assert tree(dest).keys() >= more.keys()
    wishes: dict[str, Any] = {"src": "firmware/", "dest": "~/board", "delete": True, "exclude": ["*.csv"]}
    would, _ = sync(here, check=True, **wishes)
    assert tree(dest).keys() >= more.keys()
    done, trips = sync(here, **wishes)
    assert would["removed"] == done["removed"] == ["~/board/gone", "~/board/old.py"]
    assert trips == 2
    assert set(tree(dest)) == {
        *("main.py", "lib/pump.py", "lib/deep/a.py", "data/log.csv", "lib/__pycache__/pump.pyc")
    }
    assert not sync(here, **wishes)[0]["changed"]


def test_what_is_of_another_kind_there_is_replaced_when_that_may_be_removed(here: Path) -> None:
    dest = here / "board"
    fill(dest, {"lib": "a file", "main.py/inside": "a folder"})
    assert sync(here, src="firmware/", dest=str(dest))[0]["failed"]
    result, _ = sync(here, src="firmware/", dest=str(dest), delete=True)
    assert not result.get("failed"), result
    assert tree(dest)["lib/pump.py"] == "pump\n"
    assert tree(dest)["main.py"] == "run()\n"


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        (["lib"], {"main.py"}),
        (["lib/deep"], {"main.py", "lib/pump.py"}),
        (["*.py"], set()),
        (["/lib/*.py"], {"main.py"}),
    ],
)
def test_globs_leave_out_names_and_paths(here: Path, exclude: list[str], left: set[str]) -> None:
    dest = here / "board"
    sync(here, src="firmware/", dest=str(dest), exclude=exclude)
    assert set(tree(dest)) == left


def test_permissions_are_kept_where_that_is_wanted(here: Path) -> None:
    (here / "firmware/main.py").chmod(0o750)
    sync(here, src="firmware/", dest=str(here / "board"), mode="preserve")
    assert (here / "board/main.py").stat().st_mode & 0o777 == 0o750


def test_the_system_is_not_removed_by_a_slip_of_the_pen(here: Path) -> None:
    with pytest.raises(ModuleError, match="whole system"):
        sync(here, src="firmware/", dest="/", delete=True)
    with pytest.raises(ModuleError, match="is a file"):
        sync(here, src="firmware/main.py", dest="/tmp")
    with pytest.raises(ModuleError, match="there is no nowhere"):
        sync(here, src="nowhere/", dest="/tmp")
