"""Archives that mean harm, are damaged or do not fit; and what a check says."""

from __future__ import annotations

import gzip
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.archives import PLAIN, ZIPPED, entry, link, make_tar, make_zip
from tests.support.tasks import do

if TYPE_CHECKING:
    from pathlib import Path

SOME = entry("some.txt", b"some\n")


@pytest.fixture(name="place")
def fixture_place(tmp_path: Path) -> Path:
    """A folder to unpack into, beside one that nothing may reach."""
    (tmp_path / "dest").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/kept").write_text("kept\n")
    return tmp_path


def unpack(place: Path, archive: Path, *, check: bool = False, **arguments: Any) -> dict[str, Any]:
    given = {"src": str(archive), "dest": str(place / "dest"), **arguments}
    return do("unarchive", given, place, check=check)


def names(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place / "dest")) for path in (place / "dest").rglob("*"))


def nothing_happened(place: Path) -> bool:
    outside = {path.name: path.read_text() for path in (place / "outside").iterdir()}
    return names(place) == [] and outside == {"kept": "kept\n"} and not (place / "escape").exists()


HOSTILE = {
    "above": [SOME, entry("../escape", b"x")],
    "above_in_the_middle": [SOME, entry("a/../../escape", b"x")],
    "below_a_link": [SOME, link("l", "../outside"), entry("l/kept", b"x")],
    "below_an_absolute_link": [SOME, link("l", "/tmp"), entry("l/x", b"x")],
    "folder_below_a_link": [SOME, link("l", "../outside"), entry("l/sub/")],
    "hard_link_out": [SOME, link("h", "../outside/kept", hard=True)],
    "device": [SOME, entry("d", type=tarfile.CHRTYPE, devmajor=1, devminor=3)],
    "block_device": [SOME, entry("d", type=tarfile.BLKTYPE, devmajor=8, devminor=0)],
    "pipe": [SOME, entry("p", type=tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_member_is_named_and_nothing_is_unpacked(place: Path, name: str) -> None:
    archive = make_tar(place / "bad.tar", HOSTILE[name])

    result = unpack(place, archive)

    assert result["failed"]
    assert "is refused" in result["msg"]
    assert repr(HOSTILE[name][-1][0].name) in result["msg"].replace("sub/'", "sub'")
    assert nothing_happened(place)


def test_a_hard_link_to_an_absolute_path_stays_inside(place: Path) -> None:
    archive = make_tar(place / "bad.tar", [SOME, link("h", str(place / "outside/kept"), hard=True)])

    result = unpack(place, archive)

    assert result["failed"]
    assert (place / "outside/kept").stat().st_nlink == 1


def test_a_zip_cannot_escape_either(place: Path) -> None:
    for bad in (
        {"../escape": (0o100644, b"x")},
        {"l": (0o120777, b"../outside"), "l/kept": (0o100644, b"x")},
    ):
        result = unpack(place, make_zip(place / "bad.zip", bad))

        assert result["failed"]
        assert "is refused" in result["msg"]
        assert nothing_happened(place)


def test_an_absolute_name_is_put_inside(place: Path) -> None:
    target = place / "escape"
    archive = make_tar(place / "absolute.tar", [entry(str(target), b"x\n")])

    assert unpack(place, archive)["changed"]

    assert not target.exists()
    assert (place / "dest" / str(target).lstrip("/")).read_text() == "x\n"


def test_a_link_of_an_earlier_archive_is_not_written_through(place: Path) -> None:
    assert unpack(place, make_tar(place / "one.tar", [SOME, link("l", "../outside")]))["changed"]

    result = unpack(place, make_tar(place / "two.tar", [entry("l/kept", b"x")]))

    assert result["failed"]
    assert "l is a link that leads out of" in result["msg"]
    assert (place / "outside/kept").read_text() == "kept\n"


def test_a_link_that_stays_inside_may_be_written_through(place: Path) -> None:
    (place / "dest/releases").mkdir()
    (place / "dest/current").symlink_to("releases")

    assert unpack(place, make_tar(place / "two.tar", [entry("current/a", b"x")]))["changed"]

    assert (place / "dest/releases/a").read_text() == "x"
    assert (place / "dest/current").is_symlink()


def test_a_link_in_place_of_a_file_is_replaced_not_followed(place: Path) -> None:
    (place / "dest/some.txt").symlink_to(place / "outside/kept")

    assert unpack(place, make_tar(place / "a.tar", [SOME]))["changed"]

    assert (place / "outside/kept").read_text() == "kept\n"
    assert (place / "dest/some.txt").read_text() == "some\n"


def test_permissions_are_not_set_through_links(place: Path) -> None:
    before = (place / "outside").stat().st_mode

    assert unpack(place, make_tar(place / "a.tar", [SOME, link("l", "../outside")]), mode="0700")["changed"]

    assert (place / "outside").stat().st_mode == before


def test_an_archive_that_cannot_fit_is_refused_before_it_is_unpacked(place: Path) -> None:
    header = entry("huge")[0]
    header.size = 1 << 60
    archive = place / "bomb.tar.gz"
    data = make_tar(place / "some.tar", [SOME]).read_bytes()[:1024] + header.tobuf(tarfile.GNU_FORMAT)
    archive.write_bytes(gzip.compress(data + bytes(10240)))

    result = unpack(place, archive)

    assert result["failed"]
    assert "needs at least 1152921504606846981 bytes" in result["msg"]
    assert nothing_happened(place)


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_damaged_archive_leaves_no_half_of_a_file(place: Path, mode: str) -> None:
    noise = bytes(range(256)) * 2000
    whole = make_tar(place / "whole", [SOME, entry("large", os.urandom(1000) + noise)], mode).read_bytes()
    (place / "cut").write_bytes(whole[: len(whole) // 2])

    result = unpack(place, place / "cut")

    assert result["failed"]
    assert "is damaged" in result["msg"]
    assert nothing_happened(place)


def test_a_zip_whose_content_is_not_what_it_says(place: Path) -> None:
    data = make_zip(place / "good.zip", {"a": (0o100644, b"content\n")}).read_bytes()
    (place / "bad.zip").write_bytes(data.replace(b"\x4b\xce", b"\x4c\xce", 1))

    result = unpack(place, place / "bad.zip")

    assert result["failed"]
    assert "is damaged" in result["msg"]
    assert nothing_happened(place)


def test_a_large_archive_is_sent_in_pieces(place: Path) -> None:
    large = os.urandom(3 << 20)
    archive = make_tar(place / "large.tar", [entry("large", large), SOME])

    assert unpack(place, archive)["changed"]
    assert not unpack(place, archive)["changed"]

    assert (place / "dest/large").read_bytes() == large
    assert names(place) == ["large", "some.txt"]


def test_a_difference_late_in_a_large_file_is_mended(place: Path) -> None:
    large = os.urandom(3 << 20)
    archive = make_tar(place / "large.tar.gz", [entry("large", large), SOME], "w:gz")
    unpack(place, archive)
    there = place / "dest/large"
    seen = there.stat()
    there.write_bytes(large[:-5] + b"wrong")
    os.utime(there, ns=(seen.st_atime_ns, seen.st_mtime_ns))

    assert unpack(place, archive)["changed"]

    assert there.read_bytes() == large


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_check_says_what_would_change_and_changes_nothing(place: Path, kind: str) -> None:
    archive = make_tar(place / "a.tar", PLAIN) if kind == "tar" else make_zip(place / "a.zip", ZIPPED)

    would = unpack(place, archive, check=True)
    left = names(place)
    unpack(place, archive)
    would_again = unpack(place, archive, check=True)

    assert would["changed"]
    assert left == []
    assert not would_again["changed"]


def test_a_diff_lists_what_is_written(place: Path) -> None:
    archive = make_tar(place / "a.tar", [SOME, entry("more", b"x")])
    (place / "dest/some.txt").write_text("other\n")

    result = do("unarchive", {"src": str(archive), "dest": str(place / "dest")}, place, diff=True)

    assert result["diff"]["prepared"] == "c some.txt\n> more\n"


def test_options_of_tar_that_are_not_known_are_named(place: Path) -> None:
    archive = make_tar(place / "a.tar", [SOME])

    result = unpack(place, archive, extra_opts=["--strip-components=1", "--to-command=sh"])

    assert result["failed"]
    assert "'--to-command=sh' is not supported" in result["msg"]


def test_another_users_archive_is_named_when_it_cannot_be_read(place: Path) -> None:
    result = unpack(place, place / "none.tar", remote_src=True)

    assert result["failed"]
    assert "none.tar' does not exist" in result["msg"]
