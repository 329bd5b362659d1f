"""`replace`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, case, fails, looks

if TYPE_CHECKING:
    from pathlib import Path

F = "{tree}/file.txt"
SECTIONS = "[one]\nk = 1\n[two]\nk = 2\n[three]\nk = 3\n"


def one(name: str, text: str, regexp: str, replace: str | None = None, **arguments: Any) -> Case:
    """Return a case with one file that holds `text`."""
    given = {} if replace is None else {"replace": replace}
    return case(name, {"path": F, "regexp": regexp, **given, **arguments}, "msg", files={"file.txt": text})


def latin(tree: Path) -> None:
    (tree / "file.txt").write_bytes("größe\n".encode("latin-1"))


CASES = [
    one("plain", "foo\nbar foo\n", "foo", "baz"),
    one("line_ends", "foo\nbar foo\n", "foo$", "baz"),
    one("line_starts", "foo\nbar foo\n", "^foo", "baz"),
    one("removed", "foo\nbar foo\n", "foo"),
    one("lines_removed", "# a\nb\n# c\n", r"^#.*\n", ""),
    one("nothing", "a\n", "z", "y"),
    one("same", "a\na\n", "a", "a"),
    one("groups", "a 1\nb 2\n", r"(\w) (\d)", r"\2 \1"),
    one("named_groups", "a 1\nb 2\n", r"(?P<l>\w) (?P<n>\d)", r"\g<n>\g<l>"),
    one("group_zero", "abc\n", "b", r"<\g<0>>"),
    one("empty_match", "abc\n", "x*", "-"),
    one("dot_stops_at_lines", "a\nb\n", "a.b", "x"),
    one("across_lines", "a\nb\nc\n", r"a\nb", "x"),
    one("flags", "A\nb\n", "(?i)a", "x"),
    one("newline_in_replacement", "a\n", "a", r"x\ny"),
    one("backslash_in_replacement", "a\n", "a", r"\\d"),
    one("end_of_file", "a\nb", r"\Z", "!"),
    one("umlauts", "größe\n", "ö", "oe"),
    one("empty_file", "", "a", "b"),
    one("carriage_returns", "a\r\nb\r\n", "\r$", ""),
    one("after", SECTIONS, "k = .", "k = x", after=r"\[two\]"),
    one("before", SECTIONS, "k = .", "k = x", before=r"\[two\]"),
    one("between", SECTIONS, "k = .", "k = x", after=r"\[one\]", before=r"\[three\]"),
    one("between_same", SECTIONS, "k = .", "k = x", after=r"\[", before=r"\["),
    one("between_nothing", SECTIONS, "z", "x", after=r"\[one\]", before=r"\[three\]"),
    one("after_no_match", SECTIONS, "k", "x", after="nowhere"),
    one("before_no_match", SECTIONS, "k", "x", before="nowhere"),
    one("between_no_match", SECTIONS, "k", "x", after=r"\[three\]", before=r"\[one\]"),
    one("before_takes_the_last", "a\nx\na\nx\n", "a", "b", before="x"),
    one("after_start_of_line", SECTIONS, "^k", "q", after=r"\[two\]\n"),
    one("after_with_group", SECTIONS, "k", "q", after=r"\[(two|three)\]"),
    one("mode", "a\n", "a", "b", mode="0600"),
    one("mode_alone", "a\n", "z", mode="0600"),
    case("encoding", {"path": F, "regexp": "ö", "replace": "ü", "encoding": "latin-1"}, "msg", prepare=latin),
    case("not_utf8", {"path": F, "regexp": "e", "replace": "a"}, "msg", prepare=latin),
    case("backup", {"path": F, "regexp": "a", "replace": "b", "backup": True}, "msg"),
    case("link", {"path": "{tree}/link", "regexp": "a", "replace": "b"}, links={"link": "file.txt"}),
    case("alias", {"name": F, "regexp": "a", "replace": "b"}),
    case("validated", {"path": F, "regexp": "alpha", "replace": "b", "validate": "grep -q b %s"}),
    fails("invalid", {"path": F, "regexp": "alpha", "replace": "b", "validate": "grep -q alpha %s"}),
    fails("none", {"path": "{tree}/none", "regexp": "a"}, "msg", "rc"),
    fails("directory", {"path": "{tree}/dir", "regexp": "a"}, "msg", "rc"),
    fails("no_regex", {"path": F, "regexp": "("}),
    fails("no_such_group", {"path": F, "regexp": "a", "replace": r"\1"}),
    looks("check", {"path": F, "regexp": "a", "replace": "b"}, "msg"),
    looks("check_nothing", {"path": F, "regexp": "z", "replace": "b"}, "msg"),
    looks("check_mode", {"path": F, "regexp": "z", "mode": "0600"}, "msg"),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("replace", CASES, tmp_path)
