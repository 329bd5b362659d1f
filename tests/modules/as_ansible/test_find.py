"""`find`: as ansible-core does it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, fails

if TYPE_CHECKING:
    from pathlib import Path

# how often it was looked at, and when, and where, is not the same in two trees
VARIES = frozenset({"atime", "ctime", "inode", "dev", "mtime"})
FILES = {
    "a.txt": "alpha\nbeta\n",
    "b.log": "one\ntwo three\n",
    "c.txt": "",
    ".hidden.txt": "alpha\n",
    "large.bin": "x" * 5000,
    "sub/d.txt": "beta alpha\n",
    "sub/deep/e.log": "alpha beta\nx\n",
    "sub/deep/er/f.txt": "z\n",
    ".git/config": "alpha\n",
    "é.txt": "größe\n",
}


def plant(tree: Path) -> None:
    (tree / "file_link").symlink_to("a.txt")
    (tree / "sub_link").symlink_to("sub")
    (tree / "nowhere").symlink_to("nothing")
    (tree / "bytes.txt").write_bytes(b"\xff\xfe\n")
    os.mkfifo(tree / "pipe")
    now = time.time()
    for path, hours in (("a.txt", 1), ("b.log", 30), ("sub/d.txt", 24 * 9), ("large.bin", -1)):
        os.utime(tree / path, (now - hours * 3600 - 100, now - hours * 3600 - 100))


def found(result: dict[str, Any]) -> Any:
    """Return the matches in one order; a file system has its own."""
    files = [{key: value for key, value in one.items() if key not in VARIES} for one in result["files"]]
    counts = {key: result[key] for key in ("matched", "examined", "msg")}
    return sorted(files, key=lambda one: one["path"]), counts, sorted(result["skipped_paths"])


def search(name: str, **arguments: Any) -> Case:
    return fails(
        name,
        {"paths": "{tree}", **arguments},
        files=FILES,
        prepare=plant,
        modes={"a.txt": 0o600, "b.log": 0o755},
        picked=found,
    )


def refused(name: str, **arguments: Any) -> Case:
    return fails(name, {"paths": "{tree}", **arguments}, files=FILES)


CASES = [
    search("plain"),
    search("recurse", recurse=True),
    search("hidden", recurse=True, hidden=True),
    search("directories", file_type="directory", recurse=True),
    search("directories_hidden", file_type="directory", recurse=True, hidden=True),
    search("links", file_type="link"),
    search("any", file_type="any", recurse=True, hidden=True),
    search("any_larger", file_type="any", size="1k"),
    search("pattern", patterns="*.txt", recurse=True),
    search("pattern_hidden", patterns="*.txt", hidden=True),
    search("patterns", patterns=["*.txt", "b*"], recurse=True),
    search("patterns_with_comma", patterns="*.txt,*.log", recurse=True),
    search("pattern_class", patterns="[ab].*"),
    search("pattern_question", patterns="?.log", recurse=True),
    search("pattern_none", patterns="*.nothing"),
    search("pattern_case", patterns="*.TXT"),
    search("pattern_of_a_path", patterns="sub/*.txt", recurse=True),
    search("excludes", excludes="*.txt", recurse=True),
    search("patterns_and_excludes", patterns="*.txt", excludes=["a*", "d*"], recurse=True),
    search("regex", patterns=r"^[a-c]\.(txt|log)$", use_regex=True),
    search("regex_start_only", patterns="a", use_regex=True),
    search("regex_excludes", excludes=r".*\.txt", use_regex=True, recurse=True),
    search("regex_with_comma", patterns=[r"^.{1,5}$"], use_regex=True),
    search("contains", contains="alpha", recurse=True, excludes="bytes.txt"),
    search("contains_start_of_line", contains="beta", recurse=True, patterns="*.txt", excludes="bytes.txt"),
    search("contains_regex", contains=".*three$", patterns="*.log"),
    search("contains_whole", contains=r"alpha\nbeta", read_whole_file=True, patterns="a.txt"),
    search("contains_whole_within", contains="et", read_whole_file=True, patterns="?.txt", recurse=True),
    search("contains_nothing", contains="nowhere", patterns="*.log", recurse=True),
    search("contains_bytes", contains="a", patterns="bytes.txt"),
    search("contains_encoding", contains="größe", encoding="utf-8", patterns="é.txt"),
    search("contains_latin", contains="größe", encoding="latin-1", patterns="é.txt"),
    search("contains_no_encoding", contains="a", encoding="none-such", patterns="a.txt"),
    search("age", age="1d", recurse=True),
    search("age_week", age="1w", recurse=True),
    search("age_seconds", age="3600", recurse=True),
    search("age_at_most", age="-2h", patterns="*.txt"),
    search("age_in_the_future", age="-1s", patterns="large.bin"),
    search("age_access", age="1d", age_stamp="atime", recurse=True, patterns="[bd].*"),
    search("age_change", age="1d", age_stamp="ctime"),
    search("age_zero", age="0", recurse=True),
    search("size", size="5"),
    search("size_kilo", size="4k"),
    search("size_at_most", size="-10"),
    search("size_at_most_kilo", size="-1k", recurse=True),
    search("size_mega", size="1m"),
    search("mode", mode="0644"),
    search("mode_other", mode="0600"),
    search("mode_any", mode="0111", exact_mode=False),
    search("mode_symbolic", mode="u=rwx,g=rx,o=rx"),
    search("mode_symbolic_any", mode="a+x", exact_mode=False),
    search("mode_directory", mode="0755", file_type="directory"),
    search("depth", recurse=True, depth=1),
    search("depth_two", recurse=True, depth=2),
    search("depth_two_directories", recurse=True, depth=2, file_type="directory"),
    search("depth_without_recurse", depth=3),
    search("follow", recurse=True, follow=True, patterns="*.log"),
    search("checksum", get_checksum=True),
    search("checksum_sha256", get_checksum=True, checksum_algorithm="sha256", patterns="a.txt"),
    search("checksum_alias", get_checksum=True, checksum="md5", patterns="a.txt"),
    search("checksum_any", get_checksum=True, file_type="any", patterns=["a.txt", "sub"]),
    search("two_paths", paths=["{tree}/sub", "{tree}/sub/deep"], recurse=True),
    search("path_with_slash", paths=["{tree}/sub/"], recurse=True, depth=1),
    search("one_path", paths="{tree}/sub"),
    search("no_such_path", paths=["{tree}/none", "{tree}/sub"]),
    search("path_is_a_file", paths=["{tree}/a.txt"]),
    search("path_is_a_link", paths=["{tree}/sub_link"]),
    search("path_with_dots", paths=["{tree}/sub/../sub/deep"]),
    search("limit", limit=1, patterns="a.txt"),
    search("limit_of_more", limit=100),
    refused("limit_zero", limit=0),
    refused("limit_negative", limit=-1),
    refused("age_wrong", age="two days"),
    refused("size_wrong", size="10q"),
    refused("file_type", file_type="socket"),
    fails("no_paths", {"patterns": "*"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("find", CASES, tmp_path, without_python=True)
