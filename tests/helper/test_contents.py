"""Contents on their way: large ones streamed, damaged ones refused, disks that are full, diffs that hide secrets."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.errors import ConnectionLostError
from hivectl.helper.operations import (
    Attributes,
    Batch,
    Content,
    Directory,
    Edit,
    Read,
    Remove,
    Stat,
    Write,
)
from tests.support.helper import (
    carry_out,
    carry_out_one,
    indexes_until,
    items_of,
    local,
    results_of,
    with_connection,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE = 50 << 20


def write(path: Path, text: str = "new\n", *, secret: bool = False, **more: Any) -> Write:
    return Write(path=str(path), content=Content.of(text.encode(), secret=secret), **more)


@pytest.fixture
def large(tmp_path: Path) -> Content:
    """A file of 50 MiB that is not all alike."""
    import hashlib

    path = tmp_path / "large"
    made = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(LARGE >> 20):
            piece = bytes([number]) * (1 << 20)
            made.update(piece)
            file.write(piece)
    return Content(made.hexdigest(), LARGE, path)


def test_a_large_file_goes_and_comes_back(large: Content, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    first, second, third = carry_out(
        Write(path=str(there), content=large, attributes=Attributes(mode="0640")),
        Write(path=str(there), content=large),
        Read(path=str(there), sink=back),
    )
    assert (first.result["changed"], second.result["changed"]) == (True, False)
    assert first.result["checksum"] == second.result["checksum"]
    assert third.result["size"] == LARGE
    assert third.content is None
    assert stat.S_IMODE(back.stat().st_mode) == 0o600
    assert back.read_bytes() == there.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"large", "there", "back"}


def test_a_large_file_needs_little_memory(large: Content, tmp_path: Path) -> None:
    # the high-water marks in MiB of the helper, the parent of what it runs, and of the controller, its parent
    script = (
        "import sys; from pathlib import Path\n"
        "from hivectl.helper.operations import *\n"
        "from tests.support.helper import carry_out\n"
        "folder = sys.argv[1]\n"
        "content = Content(sys.argv[2], int(sys.argv[3]), Path(folder, 'large'))\n"
        "results = carry_out(Write(path=f'{folder}/there', content=content),"
        " Read(path=f'{folder}/there', sink=Path(folder, 'back')),"
        " Run(script='grep -h VmHWM /proc/$PPID/status'))\n"
        "assert not any(item.result.get('failed') for item in results), results\n"
        "print(results[-1].result['stdout'], Path('/proc/self/status').read_text().partition('VmHWM')[2])\n"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path), large.sha256, str(large.size)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr
    helper, controller, *_ = (int(word) // 1024 for word in ended.stdout.split() if word.isdigit())
    assert helper < 30
    assert controller < 70


def test_read_into_memory_within_its_limit(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\0\xff" * 100000)
    known = carry_out(Read(path=str(tmp_path / "f")))[0]
    assert known.content == b"\0\xff" * 100000
    again = carry_out(Read(path=str(tmp_path / "f"), known=known.result["sha256"]))[0]
    assert again.content is None
    assert again.result["size"] == 200000
    refused = carry_out_one(Read(path=str(tmp_path / "f"), limit=1000))
    assert "more than the limit of 1000" in refused["msg"]


@pytest.mark.parametrize(
    ("path", "said"), [("/no/such", "does not exist"), ("/etc", "a directory"), ("/dev/null", "device")]
)
def test_what_cannot_be_read_says_why(path: str, said: str, tmp_path: Path) -> None:
    result = carry_out(Read(path=path, sink=tmp_path / "sink"))[0]
    assert result.result["failed"] is True
    assert said in result.result["msg"]
    assert not list(tmp_path.iterdir())


def test_the_end_of_a_file_of_no_size_is_found(tmp_path: Path) -> None:
    result = carry_out(Read(path="/proc/self/status", sink=tmp_path / "sink"))[0]
    assert (tmp_path / "sink").read_text().startswith("Name:")
    assert result.result["size"] > 100


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_says_so_and_leaves_nothing(small_disk: Path, large: Content) -> None:
    (small_disk / "f").write_text("old\n")
    result = carry_out_one(Write(path=f"{small_disk}/f", content=large))
    assert result["failed"] is True
    assert "No space left on device" in result["msg"]
    assert "bytes are free there" in result["msg"]
    assert (small_disk / "f").read_text() == "old\n"
    assert [path.name for path in small_disk.iterdir()] == ["f"]


def test_after_a_full_disk_the_helper_goes_on(small_disk: Path, large: Content) -> None:
    async def work(connection: Any) -> None:
        batch = Batch(run="r", items=items_of([Write(path=f"{small_disk}/f", content=large)]))
        assert (await results_of(connection, batch))[0].result["failed"] is True
        batch = Batch(run="r", items=items_of([write(small_disk / "g")]))
        assert (await results_of(connection, batch))[0].result["changed"] is True

    with_connection(work)


def test_a_limit_of_file_sizes_is_a_full_disk_too(tmp_path: Path, large: Content) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        result = carry_out_one(Write(path=f"{tmp_path}/f", content=large))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in result["msg"]
    assert [path.name for path in tmp_path.iterdir()] == ["large"]


def test_a_source_that_changed_or_went_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100000)
    content = Content("0" * 64, 100000, source)
    changed = carry_out_one(Write(path=f"{tmp_path}/f", content=content))
    assert "changed while it was sent" in changed["msg"]
    source.unlink()
    gone = carry_out_one(Write(path=f"{tmp_path}/f", content=content))
    assert "cannot be read" in gone["msg"]
    assert not list(tmp_path.iterdir())


def test_backup_keeps_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old\n")
    (tmp_path / "f").chmod(0o640)
    os.utime(tmp_path / "f", (1e9, 1e9))
    kept = Path(carry_out_one(write(tmp_path / "f", backup=True))["backup_file"])
    assert kept.read_text() == "old\n"
    assert (stat.S_IMODE(kept.stat().st_mode), kept.stat().st_mtime) == (0o640, 1e9)
    assert kept.name.startswith("f.")
    assert kept.name.endswith("~")
    edit = Edit(path=f"{tmp_path}/f", edit="line", arguments={"line": "b"}, backup=True)
    assert Path(carry_out_one(edit)["backup"]).read_text() == "new\n"
    assert carry_out_one(edit)["backup"] == ""


def test_a_new_file_is_never_readable_by_others_before_it_is_whole(tmp_path: Path) -> None:
    # validation runs while the temporary file is in place
    result = carry_out_one(
        write(
            tmp_path / "f",
            attributes=Attributes(mode="0644"),
            validate=f"sh -c 'stat -c %a %s > {tmp_path}/seen'",
        )
    )
    assert result["changed"] is True
    assert (tmp_path / "seen").read_text().strip() == "600"
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o644


@pytest.mark.skipif(os.geteuid() != 0, reason="owners can only be given by root")
def test_owners_are_given_and_kept(tmp_path: Path) -> None:
    given = carry_out_one(
        write(tmp_path / "f", attributes=Attributes(owner="nobody", group="daemon", mode="4755"))
    )
    assert (given["owner"], given["group"], given["mode"]) == ("nobody", "daemon", "04755")
    carry_out_one(write(tmp_path / "f", "newer\n"))
    status = (tmp_path / "f").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (65534, 0o4755)
    unknown = carry_out_one(write(tmp_path / "f", attributes=Attributes(owner="nobody-at-all")))
    assert "failed to look up user nobody-at-all" in unknown["msg"]


def test_a_wrong_mode_is_named(tmp_path: Path) -> None:
    for mode in ("rw", "u~x", "99999", "u+q"):
        result = carry_out_one(write(tmp_path / "f", attributes=Attributes(mode=mode)))
        assert mode in result["msg"]
        assert not list(tmp_path.iterdir())


def test_diff_shows_texts_and_hides_what_must_be_hidden(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("old\n")

    def diff(content: bytes, *, secret: bool = False) -> dict[str, Any]:
        operation = Write(path=f"{tmp_path}/f", content=Content.of(content, secret=secret))
        found: dict[str, Any] = carry_out_one(operation, check=True, diff=True)["diff"][0]
        return found

    shown = diff(b"new\n")
    assert (shown["before"], shown["after"]) == ("old\n", "new\n")
    assert diff(b"\0")["src_binary"] == 1
    assert diff(b"x" * 200000)["src_larger"] == 102400
    hidden = diff(b"hunter2\n", secret=True)
    assert "hunter2" not in str(hidden)
    assert "old" not in str(hidden)
    assert "secret" in hidden["after"]


def test_a_check_remembers_what_it_would_have_made(tmp_path: Path) -> None:
    operations = (
        Directory(path=f"{tmp_path}/a"),
        write(tmp_path / "a/f"),
        Edit(path=f"{tmp_path}/a/f", edit="line", arguments={"line": "b"}),
        Directory(path=f"{tmp_path}/a"),
        Remove(path=f"{tmp_path}/a"),
        Remove(path=f"{tmp_path}/a/f"),
    )
    check = [item.result for item in carry_out(*operations, check=True)]
    assert [result["changed"] for result in check] == [True, True, True, False, True, False]
    assert not list(tmp_path.iterdir())
    apply = [item.result["changed"] for item in carry_out(*operations)]
    assert apply == [True, True, True, False, True, False]


def test_stat_has_ansibles_keys(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    (tmp_path / "l").symlink_to("f")
    link = carry_out_one(Stat(path=f"{tmp_path}/l"))["stat"]
    assert (link["islnk"], link["lnk_target"], link["lnk_source"]) == (True, "f", f"{tmp_path}/f")
    file = carry_out_one(Stat(path=f"{tmp_path}/l", follow=True, checksum="md5"))["stat"]
    assert (file["isreg"], file["size"], file["checksum"]) == (True, 1, "9dd4e461268c8034f5c8564e155c67a6")
    assert carry_out_one(Stat(path=f"{tmp_path}/no"))["stat"] == {"exists": False}


def test_paths_are_expanded_on_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WHERE", "there")
    assert carry_out_one(write(Path("~/$WHERE")))["dest"] == f"{tmp_path}/there"


def test_a_helper_that_is_killed_is_a_lost_connection(tmp_path: Path) -> None:
    from hivectl.helper.operations import Run

    async def work(connection: Any) -> None:
        batch = Batch(
            run="r", items=items_of([write(tmp_path / "f"), Run(script="sleep 0.1; kill -9 $PPID; sleep 1")])
        )
        seen = await indexes_until(ConnectionLostError, "broke", connection.operate(batch))
        assert seen == [0]
        # a new helper takes its place
        assert len(await results_of(connection, Batch(run="r", items=items_of([Stat(path="/")])))) == 1

    with_connection(work)
    assert local().closed is False
