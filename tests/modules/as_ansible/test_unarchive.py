"""`unarchive`: as ansible-core does it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.support.archives import WHEN, ZIPPED, entry, link, make_tar, make_zip
from tests.support.as_ansible import Case, assert_as_ansible, case

if TYPE_CHECKING:
    from pathlib import Path

# one of each kind is done twice: each takes ansible-core six programs
AGAIN = frozenset(
    [
        "tar",
        "tgz",
        "zip",
        "list_files_zip",
        "mode",
        "mode_zip",
        "owner",
        "owners_kept",
        "setuid",
        "strip",
        "include",
        "exclude_glob",
        "dotted",
        "remote",
        "creates",
        "older_file",
        "other_content",
        "other_mode",
        "other_owner",
        "keep_newer_older",
        "links_as_they_are",
    ]
)
KEYS = ("dest", "handler", "state", "mode", "owner", "uid", "gid")


def make_sources(folder: Path) -> None:
    folder.mkdir()
    make_tar(folder / "plain.tar")
    make_tar(folder / "plain.tgz", mode="w:gz")
    make_tar(folder / "plain.tar.bz2", mode="w:bz2")
    make_tar(folder / "plain.tar.xz", mode="w:xz")
    subprocess.run(["zstd", "-q", str(folder / "plain.tar"), "-o", str(folder / "plain.tar.zst")], check=True)
    make_tar(folder / "gzip_without_name", mode="w:gz")
    make_tar(
        folder / "dotted.tar", [entry("./"), entry("./a.txt", b"a\n"), entry("./d/"), entry("./d/b", b"b\n")]
    )
    make_tar(
        folder / "owned.tar", [entry("a", b"a\n", uid=12, gid=34), entry("b", b"b\n", uname="daemon", uid=99)]
    )
    make_tar(folder / "setuid.tar", [entry("a", b"a\n", mode=0o4755), entry("d/", mode=0o2775)])
    make_tar(folder / "absolute.tar", [entry("/abs/a", b"a\n")])
    make_tar(
        folder / "absolute_link.tar",
        [entry("a", b"a\n"), link("out", "/etc/hostname"), link("up", "../../x")],
    )
    make_tar(folder / "escape.tar", [entry("../escape", b"a\n")])
    make_tar(folder / "umlaut.tar", [entry("größe.txt", b"a\n")])
    make_tar(folder / "long.tar", [entry("n" * 150 + "/" + "m" * 150, b"a\n")])
    make_tar(folder / "twice.tar", [entry("a", b"1\n"), entry("a", b"2\n")])
    make_tar(folder / "nothing.tar", [])
    (folder / "empty.tar").touch()
    (folder / "text.txt").write_text("no archive\n" * 100)
    (folder / "cut.tgz").write_bytes((folder / "plain.tgz").read_bytes()[:200])
    make_zip(folder / "plain.zip", ZIPPED)
    make_zip(folder / "escape.zip", {"../escape": (0o100644, b"a\n")})
    (folder / "cut.zip").write_bytes((folder / "plain.zip").read_bytes()[:-40])


def unpack(name: str, src: str, *keys: str, **more: Any) -> Case:
    """Return a case that unpacks into {tree}/dir; arguments that are no option of a case are the module's."""
    more.setdefault("again", name in AGAIN)
    options = {key: more.pop(key) for key in ("prepare", "files", "again", "check") if key in more}
    arguments = {"src": src, "dest": "{tree}/dir", **more}
    return case(name, arguments, *(keys or KEYS), times=True, **options)


def refused(name: str, src: str, **more: Any) -> Case:
    return unpack(name, src, "failed", again=False, **more)


def older(tree: Path) -> None:
    (tree / "dir/top").mkdir()
    (tree / "dir/top/a.txt").write_text("own\n")
    os.utime(tree / "dir/top/a.txt", (WHEN - 50, WHEN - 50))


def same_but(change: Any) -> Any:
    """Return what unpacks the plain archive by tar and then changes one thing."""

    def prepare(tree: Path) -> None:
        make_tar(tree / "beside.tar")
        subprocess.run(["tar", "xf", tree / "beside.tar", "-C", tree / "dir"], check=True)
        (tree / "beside.tar").unlink()
        change(tree / "dir/top")

    return prepare


def write_same_size(top: Path) -> None:
    (top / "private").write_text("SECRET\n")
    os.utime(top / "private", (WHEN, WHEN))


def folder_in_the_way(tree: Path) -> None:
    (tree / "dir/single.txt").mkdir()


def link_in_the_way(tree: Path) -> None:
    (tree / "elsewhere").mkdir()
    (tree / "dir/single.txt").symlink_to("inner.txt")


def archive_there(tree: Path) -> None:
    make_tar(tree / "there.tgz")


PLAIN_TAR = "plain.tar"
CASES = [
    unpack("tar", PLAIN_TAR),
    unpack("tgz", "plain.tgz"),
    unpack("bz2", "plain.tar.bz2"),
    unpack("xz", "plain.tar.xz"),
    unpack("zst", "plain.tar.zst"),
    unpack("zip", "plain.zip"),
    unpack("by_content_not_by_name", "gzip_without_name"),
    unpack("list_files", PLAIN_TAR, "files", list_files=True),
    unpack("list_files_zip", "plain.zip", "files", list_files=True),
    unpack("list_files_dotted", "dotted.tar", "files", list_files=True),
    unpack("mode", PLAIN_TAR, mode="0700"),
    unpack("mode_symbolic", PLAIN_TAR, mode="u=rwX,g=,o="),
    unpack("mode_zip", "plain.zip", mode="0700"),
    unpack("owner", PLAIN_TAR, owner="12", group="34"),
    unpack("owner_name", PLAIN_TAR, owner="daemon"),
    unpack("owners_kept", "owned.tar"),
    unpack("owners_not_kept", "owned.tar", extra_opts=["--no-same-owner"], again=False),
    unpack("setuid", "setuid.tar"),
    unpack("strip", PLAIN_TAR, extra_opts=["--strip-components=1"], include=["top"]),
    unpack("strip_two", PLAIN_TAR, extra_opts=["--strip-components=2"]),
    unpack("strip_words", PLAIN_TAR, extra_opts=["--strip-components", "1"], include=["top/sub"]),
    unpack("include", PLAIN_TAR, "files", include=["top/a.txt", "single.txt"], list_files=True),
    unpack("include_folder", PLAIN_TAR, "files", include=["top/sub"], list_files=True),
    unpack("include_zip", "plain.zip", "files", include=["top/*"], list_files=True),
    unpack("include_zip_one", "plain.zip", include=["single.txt"]),
    unpack("exclude", PLAIN_TAR, "files", exclude=["top/a.txt", "top/second"], list_files=True),
    unpack("exclude_glob", PLAIN_TAR, "files", exclude=["*.txt", "second"], list_files=True),
    unpack("exclude_name", PLAIN_TAR, exclude=["private"]),
    unpack("exclude_zip", "plain.zip", "files", exclude=["top/*"], list_files=True),
    unpack("dotted", "dotted.tar"),
    unpack("absolute", "absolute.tar", "files", list_files=True),
    unpack("umlaut", "umlaut.tar", "files", list_files=True),
    unpack("long", "long.tar", "files", list_files=True),
    unpack("links_as_they_are", "absolute_link.tar"),
    unpack("remote", "{tree}/there.tgz", remote_src=True, prepare=archive_there),
    unpack("copy_no", "{tree}/there.tgz", copy=False, prepare=archive_there),
    unpack("creates", PLAIN_TAR, creates="{tree}/dir/top"),
    unpack("creates_there", PLAIN_TAR, "msg", creates="{tree}/file.txt"),
    unpack("older_file", PLAIN_TAR, prepare=older),
    unpack("older_file_zip", "plain.zip", prepare=older),
    unpack("same", PLAIN_TAR, prepare=same_but(lambda _top: None)),
    unpack("missing", PLAIN_TAR, prepare=same_but(lambda top: (top / "empty").unlink())),
    unpack("other_size", PLAIN_TAR, prepare=same_but(lambda top: (top / "empty").write_text("x"))),
    unpack("other_content", PLAIN_TAR, prepare=same_but(write_same_size)),
    unpack("other_time", PLAIN_TAR, prepare=same_but(lambda top: os.utime(top / "private", (5, 5)))),
    unpack("other_mode", PLAIN_TAR, prepare=same_but(lambda top: (top / "private").chmod(0o644))),
    unpack("other_folder_mode", PLAIN_TAR, prepare=same_but(lambda top: (top / "sub").chmod(0o700))),
    unpack("other_owner", PLAIN_TAR, prepare=same_but(lambda top: os.chown(top / "private", 12, 34))),
    unpack(
        "other_link",
        PLAIN_TAR,
        prepare=same_but(lambda top: ((top / "link").unlink(), (top / "link").symlink_to("run.sh"))),
    ),
    unpack("more_files", PLAIN_TAR, prepare=same_but(lambda top: (top / "more").write_text("own\n"))),
    unpack("empty_folder_in_the_way", PLAIN_TAR, prepare=folder_in_the_way),
    unpack("link_in_the_way", PLAIN_TAR, prepare=link_in_the_way),
    unpack("keep_newer", PLAIN_TAR, keep_newer=True),
    unpack("keep_newer_older", PLAIN_TAR, keep_newer=True, prepare=older),
    refused("none", "none.tar"),
    refused("remote_none", "{tree}/none.tar", remote_src=True),
    refused("remote_folder", "{tree}", remote_src=True),
    refused("empty", "empty.tar"),
    refused("nothing", "nothing.tar"),
    refused("no_archive", "text.txt"),
    refused("no_dest", PLAIN_TAR, dest="{tree}/none"),
    refused("dest_is_a_file", PLAIN_TAR, dest="{tree}/file.txt"),
    refused("escape", "escape.tar"),
    refused("include_and_exclude", PLAIN_TAR, include=["a"], exclude=["b"]),
    refused("include_not_there", PLAIN_TAR, include=["nothing"]),
    refused("url_from_here", "http://127.0.0.1:1/x.tar"),
    refused("copy_and_remote", PLAIN_TAR, copy=True, remote_src=True),
    # Ansible skips a tar in check mode; we say what would change: tests/modules/test_unarchive.py
    unpack("check_zip", "plain.zip", again=False, check=True),
]


def test_as_ansible(tmp_path: Path) -> None:
    make_sources(tmp_path / "files")

    assert_as_ansible("unarchive", CASES, tmp_path, without_python=True)
