"""Every operation that changes files: check says what apply does, and the second run has nothing to do."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.helper.operations import (
    Attributes,
    Batch,
    Content,
    Directory,
    Edit,
    Link,
    Operation,
    Remove,
    Touch,
    Write,
)
from tests.support.helper import items_of, results_of, with_connection

if TYPE_CHECKING:
    from collections.abc import Callable


def anything(_folder: Path) -> None:
    """Make nothing, look at nothing."""


@dataclass(frozen=True)
class Case:
    """`before` makes what is there, `make` the operation, `after` looks at what became of it."""

    name: str
    make: Callable[[Path], Operation]
    after: Callable[[Path], Any]
    before: Callable[[Path], Any] = anything
    changed: bool = True
    failed: str = ""
    changes_again: bool = False


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def has(name: str, text: str, permissions: int | None = None) -> Callable[[Path], Any]:
    def look(folder: Path) -> None:
        assert (folder / name).read_text() == text
        assert not (folder / name).is_symlink()
        if permissions is not None:
            assert mode(folder / name) == permissions

    return look


def write(text: str, name: str = "f", **more: Any) -> Callable[[Path], Operation]:
    return lambda folder: Write(path=f"{folder}/{name}", content=Content.of(text.encode()), **more)


def line(name: str = "f", **arguments: Any) -> Callable[[Path], Operation]:
    return lambda folder: Edit(path=f"{folder}/{name}", edit="line", arguments=arguments)


def text(content: str, name: str = "f", permissions: int = 0o644) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        (folder / name).write_text(content)
        (folder / name).chmod(permissions)

    return make


def nothing(folder: Path) -> None:
    assert not list(folder.iterdir())


def unchanged(folder: Path) -> None:
    assert (folder / "f").read_text() == "old\n"


def unchanged_and_alone(folder: Path) -> None:
    unchanged(folder)
    assert [path.name for path in folder.iterdir()] == ["f"]


def linked(folder: Path) -> None:
    (folder / "target").write_text("old\n")
    (folder / "f").symlink_to("target")


def full_folder(folder: Path) -> None:
    (folder / "f/inside/deep").mkdir(parents=True)
    (folder / "f/inside/file").write_text("x")
    (folder / "f/link").symlink_to("/etc")


def touched(folder: Path) -> None:
    assert (folder / "f").read_text() == ""


CASES = [
    Case("write new", write("new\n"), has("f", "new\n", 0o644)),
    Case("write new with mode", write("new\n", attributes=Attributes(mode="0600")), has("f", "new\n", 0o600)),
    Case("write empty", write(""), has("f", "")),
    Case("write binary", lambda f: Write(path=f"{f}/f", content=Content.of(bytes(range(256)))), anything),
    Case("write over keeps mode", write("new\n"), has("f", "new\n", 0o640), text("old\n", permissions=0o640)),
    Case("write same", write("old\n"), has("f", "old\n"), text("old\n"), changed=False),
    Case(
        "write same with other mode",
        write("old\n", attributes=Attributes(mode="u+x")),
        has("f", "old\n", 0o744),
        text("old\n"),
    ),
    Case("write without force", write("new\n", force=False), unchanged, text("old\n"), changed=False),
    Case("write replaces a link", write("new\n"), has("f", "new\n"), linked),
    Case(
        "write follows a link",
        write("new\n", follow=True),
        lambda f: [has("target", "new\n")(f), (f / "f").readlink()],
        linked,
    ),
    Case("write into", write("new\n", name="", into="g"), has("g", "new\n")),
    Case("write with parents", write("new\n", name="a/b/f", make_parents=True), has("a/b/f", "new\n")),
    Case(
        "write with parents' mode",
        write("new\n", name="a/f", make_parents=True, parents_mode="0700"),
        lambda f: mode(f / "a") == 0o700 or pytest.fail("wrong mode"),
    ),
    Case("write without parents", write("new\n", name="a/f"), nothing, failed="does not exist"),
    Case("write onto a directory", write("new\n", name="."), nothing, failed="is a directory"),
    Case(
        "write beside a full name",
        write("x", name="n" * 255),
        lambda f: [path.name for path in f.iterdir()] == ["n" * 255] or pytest.fail("temporary file left"),
    ),
    Case("write validated", write("new\n", validate="grep -q new %s"), has("f", "new\n"), text("old\n")),
    Case(
        "write refused by validation",
        write("new\n", validate="grep -q old %s"),
        unchanged_and_alone,
        text("old\n"),
        failed="failed to validate",
    ),
    Case("line added", line(line="b"), has("f", "a\nb\n"), text("a\n")),
    Case("line there", line(line="a"), has("f", "a\n"), text("a\n"), changed=False),
    Case(
        "line replaced",
        line(regexp="^a=", line="a=2"),
        has("f", "a=2\nb\n", 0o600),
        text("a=1\nb\n", permissions=0o600),
    ),
    Case("line removed", line(regexp="^a", state="absent"), has("f", "b\n"), text("a1\nb\na2\n")),
    Case("line removed with no file", line(line="a", state="absent"), nothing, changed=False),
    Case("line with no file", line(line="a"), nothing, failed="does not exist"),
    Case(
        "line makes the file",
        lambda f: Edit(path=f"{f}/x/f", edit="line", arguments={"line": "a"}, create=True),
        has("x/f", "a\n"),
    ),
    Case(
        "block",
        lambda f: Edit(path=f"{f}/f", edit="block", arguments={"block": "x\ny"}),
        has("f", "a\n# BEGIN ANSIBLE MANAGED BLOCK\nx\ny\n# END ANSIBLE MANAGED BLOCK\n"),
        text("a\n"),
    ),
    Case(
        "replace",
        lambda f: Edit(path=f"{f}/f", edit="replace", arguments={"regexp": "o+", "replace": "0"}),
        has("f", "f0 b0\n"),
        text("foo boo\n"),
    ),
    Case(
        "edit keeps foreign bytes",
        line(line="b"),
        lambda f: (f / "f").read_bytes() == b"\xff\xfe\nb\n" or pytest.fail("lost"),
        lambda f: (f / "f").write_bytes(b"\xff\xfe\n"),
    ),
    Case(
        "edit through a link",
        line(line="b"),
        lambda f: [(f / "f").readlink(), has("target", "old\nb\n")(f)],
        linked,
    ),
    Case(
        "directory",
        lambda f: Directory(path=f"{f}/a/b/c"),
        lambda f: (f / "a/b/c").is_dir() or pytest.fail("none"),
    ),
    Case(
        "directory with mode",
        lambda f: Directory(path=f"{f}/a/b", attributes=Attributes(mode="0750")),
        lambda f: (mode(f / "a"), mode(f / "a/b")) == (0o750, 0o750) or pytest.fail("wrong mode"),
    ),
    Case(
        "directory there with other mode",
        lambda f: Directory(path=f"{f}/a", attributes=Attributes(mode="g-rx,o=")),
        lambda f: mode(f / "a") == 0o700 or pytest.fail("wrong mode"),
        lambda f: (f / "a").mkdir(mode=0o755),
    ),
    Case("directory there", lambda f: Directory(path=str(f)), nothing, changed=False),
    Case(
        "directory onto a file",
        lambda f: Directory(path=f"{f}/f"),
        unchanged,
        text("old\n"),
        failed="already exists",
    ),
    Case(
        "directory recursively",
        lambda f: Directory(path=f"{f}/f", recurse=True, attributes=Attributes(mode="u=rwX,go=")),
        lambda f: (
            (mode(f / "f/inside"), mode(f / "f/inside/file"), mode(Path("/etc")) & 0o755)
            == (0o700, 0o600, 0o755)
            or pytest.fail("wrong mode")
        ),
        full_folder,
    ),
    Case("link", lambda f: Link(path=f"{f}/l", source="f"), lambda f: (f / "l").readlink(), text("old\n")),
    Case(
        "link elsewhere",
        lambda f: Link(path=f"{f}/f", source="/etc/hosts"),
        lambda f: str((f / "f").readlink()) == "/etc/hosts" or pytest.fail("wrong"),
        linked,
    ),
    Case("link there", lambda f: Link(path=f"{f}/f", source="target"), anything, linked, changed=False),
    Case(
        "link to nothing",
        lambda f: Link(path=f"{f}/l", source="no"),
        nothing,
        failed="src file does not exist",
    ),
    Case(
        "link to nothing by force",
        lambda f: Link(path=f"{f}/l", source="no", force=True),
        lambda f: (f / "l").readlink(),
    ),
    Case(
        "link onto a file",
        lambda f: Link(path=f"{f}/f", source="/etc"),
        unchanged,
        text("old\n"),
        failed="refusing",
    ),
    Case(
        "link onto a file by force",
        lambda f: Link(path=f"{f}/f", source="/etc", force=True),
        lambda f: (f / "f").readlink(),
        text("old\n"),
    ),
    Case(
        "link onto a full directory",
        lambda f: Link(path=f"{f}/f", source="/etc", force=True),
        lambda f: (f / "f/inside/file").read_text(),
        full_folder,
        failed="not empty",
    ),
    Case(
        "hard link",
        lambda f: Link(path=f"{f}/h", source=f"{f}/f", hard=True),
        lambda f: (f / "h").samefile(f / "f") or pytest.fail("another file"),
        text("old\n"),
    ),
    Case("remove a file", lambda f: Remove(path=f"{f}/f"), nothing, text("old\n")),
    Case("remove a folder", lambda f: Remove(path=f"{f}/f"), nothing, full_folder),
    Case("remove nothing", lambda f: Remove(path=f"{f}/f/g"), nothing, changed=False),
    Case(
        "remove a link only",
        lambda f: Remove(path=f"{f}/f"),
        lambda f: [(f / "target").read_text(), not (f / "f").is_symlink() or pytest.fail("there")],
        linked,
    ),
    Case("touch new", lambda f: Touch(path=f"{f}/f", make=True), touched, changes_again=True),
    Case(
        "touch with preserved times",
        lambda f: Touch(path=f"{f}/f", make=True, access_time="preserve", modification_time="preserve"),
        touched,
    ),
    Case(
        "touch at a time",
        lambda f: Touch(
            path=f"{f}/f", make=True, access_time="preserve", modification_time="202001020304.05"
        ),
        lambda f: (f / "f").stat().st_mtime < 1.6e9 or pytest.fail("wrong time"),
    ),
    Case("file absent", lambda f: Touch(path=f"{f}/f", regular=True), nothing, failed="is absent"),
    Case("file that is a folder", lambda f: Touch(path=str(f), regular=True), nothing, failed="is directory"),
    Case(
        "attributes alone",
        lambda f: Touch(path=f"{f}/f", attributes=Attributes(mode="0400")),
        has("f", "old\n", 0o400),
        text("old\n"),
    ),
]


def snapshot(folder: Path) -> list[Any]:
    found: list[Any] = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        kind = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found.append((str(path), status.st_mode, status.st_mtime_ns, status.st_ino, kind))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_state(case: Case, tmp_path: Path) -> None:
    os.umask(0o022)
    case.before(tmp_path)
    items = (case.make(tmp_path),)
    before = snapshot(tmp_path)

    async def work(connection: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for check in (True, False, True, False):
            batch = Batch(run=f"{len(found)}", items=items_of(items, check=check, diff=True))
            (result,) = await results_of(connection, batch)
            found.append(result.result)
            if len(found) == 1:
                assert snapshot(tmp_path) == before, "check mode changed something"
        return found

    check, apply, check_again, again = with_connection(work)
    if case.failed:
        assert apply["failed"] is True
        assert case.failed in apply["msg"]
        # a validation is a command, which a check does not run
        assert check.get("failed") is True or "validate" in case.failed
        assert snapshot(tmp_path) == before
    else:
        assert not apply.get("failed"), apply["msg"]
        assert check["changed"] is apply["changed"] is case.changed, (check, apply)
        assert again["changed"] is check_again["changed"] is case.changes_again, (check_again, again)
        assert not case.changed or check["diff"]
    case.after(tmp_path)
