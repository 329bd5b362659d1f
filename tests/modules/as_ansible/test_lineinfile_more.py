"""`lineinfile`: places, matches and ends of files, as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, case, fails, looks

if TYPE_CHECKING:
    from pathlib import Path

F = "{tree}/file.txt"
SSH = "#Port 22\nPort 23\n#PermitRootLogin yes\n\nMatch all\n  X11 no\n"


def line(name: str, text: str, **arguments: Any) -> Case:
    return case(name, {"path": F, **arguments}, "msg", files={"file.txt": text})


CASES = [
    line("empty_file", "", line="x"),
    line("only_newline", "\n", line="x"),
    line("there", "a\nx\n", line="x"),
    line("there_at_end_without_newline", "a\nx", line="x"),
    line("there_with_blanks", "a\n x\n", line="x"),
    line("regexp_last", SSH, regexp="^#?Port", line="Port 24"),
    line("regexp_first", SSH, regexp="^#?Port", line="Port 24", firstmatch=True),
    line("regexp_no_match", SSH, regexp="^Nothing", line="Nothing 1"),
    line("regexp_no_match_line_there", SSH, regexp="^Nothing", line="Port 23"),
    line("regexp_matches_other_than_line", "a=1\na=2\n", regexp="^a=1", line="a=2"),
    line("regexp_after", SSH, regexp="^Nothing", insertafter="^Match", line="  Y11 no"),
    line("regexp_before", SSH, regexp="^Nothing", insertbefore="^Match", line="Y 1"),
    line("after_no_match", SSH, insertafter="^Nothing", line="y"),
    line("before_no_match", SSH, insertbefore="^Nothing", line="y"),
    line("after_first", "a\na\nb\n", insertafter="^a", firstmatch=True, line="y"),
    line("before_last", "a\na\nb\n", insertbefore="^a", line="y"),
    line("before_first", "a\na\nb\n", insertbefore="^a", firstmatch=True, line="y"),
    line("after_eof", "a\nb", insertafter="EOF", line="y"),
    line("before_eof", "a\nb\n", insertbefore="EOF", line="y"),
    line("before_bof", "a\nb\n", insertbefore="BOF", line="y"),
    line("after_bof", "a\nb\n", insertafter="BOF", line="y"),
    line("bof_there", "a\ny\nb\n", insertbefore="BOF", line="y"),
    line("after_line_follows", "a\ny\nb\n", insertafter="^a", line="y"),
    line("after_line_elsewhere", "y\na\nb\n", insertafter="^a", line="y"),
    line("search", "a.b\na-b\n", search_string="a.b", line="c"),
    line("search_last", "a.b\na.b\n", search_string="a.b", line="c"),
    line("search_first", "a.b\na.b\n", search_string="a.b", line="c", firstmatch=True),
    line("search_no_match", "a\n", search_string="zz", line="c"),
    line("search_absent", "a.b\na-b\nxa.b\n", search_string="a.b", state="absent"),
    line("backrefs", "k = 1 # note\n", regexp="^k = .(.*)$", line=r"k = 2\1", backrefs=True),
    line("backrefs_named", "k = 1 # n\n", regexp="^(?P<k>k) = .", line=r"\g<k> = 2", backrefs=True),
    line("backrefs_optional", "#a\na\n", regexp="^(#)?a", line=r"\1b", backrefs=True),
    line("backrefs_none", "k\n", regexp="^z", line="q", backrefs=True),
    line("backrefs_none_after", "k\n", regexp="^z", line="q", backrefs=True, insertafter="^k"),
    line("absent_line", "a\nb\na\n", line="a", state="absent"),
    line("absent_line_is_no_pattern", "a.c\nabc\n", line="a.c", state="absent"),
    line("absent_regexp", "a1\nb\na2", regexp="^a", state="absent"),
    line("absent_regexp_and_line", "a1\nb\n", regexp="^b", line="a1", state="absent"),
    line("absent_none", "a\n", regexp="^z", state="absent"),
    line("absent_all", "a\na\n", regexp="a", state="absent"),
    line("carriage_returns", "a\r\nb\r\n", regexp="^a", line="c"),
    line("carriage_returns_there", "a\r\nb\r\n", line="a"),
    line("umlauts", "größe\n", regexp="^größe", line="Größe"),
    line("backslashes", "a\n", regexp="^a", line=r"C:\new\1"),
    line("tabs", "a\n", line="\ta\tb"),
    line("two_lines", "a\n", line="b\nc"),
    line("trailing_newline", "a\n", line="b\n"),
    line("empty_line", "a\n", line=""),
    line("mode", "a\n", line="a", mode="0600"),
    line("case", "Alpha\n", regexp="(?i)^alpha", line="alpha"),
    line("anchored_end", "ab\nb\n", regexp="b$", line="c"),
    case("created", {"path": "{tree}/new", "line": "x", "create": True}, "msg"),
    case("created_below", {"path": "{tree}/a/b/new", "line": "x", "create": True, "mode": "0600"}, "msg"),
    case("created_absent", {"path": "{tree}/new", "line": "x", "create": True, "state": "absent"}, "msg"),
    case("backup", {"path": F, "line": "x", "backup": True}, "msg"),
    case("backup_nothing", {"path": F, "line": "alpha", "backup": True}, "msg"),
    case("link", {"path": "{tree}/link", "line": "x"}, "msg", links={"link": "file.txt"}),
    case("validated", {"path": F, "line": "x", "validate": "grep -q x %s"}, "msg"),
    fails("invalid", {"path": F, "line": "x", "validate": "grep -q nothing %s"}),
    fails("none", {"path": "{tree}/none", "line": "x"}, "rc"),
    fails("none_absent", {"path": "{tree}/none", "line": "x", "state": "absent"}, "msg"),
    fails("directory", {"path": "{tree}/dir", "line": "x"}, "rc"),
    fails("no_line", {"path": F}),
    fails("no_line_with_regexp", {"path": F, "regexp": "a"}),
    fails("absent_nothing_given", {"path": F, "state": "absent"}),
    fails("both_searches", {"path": F, "regexp": "a", "search_string": "a", "line": "b"}),
    fails("both_places", {"path": F, "insertafter": "a", "insertbefore": "b", "line": "c"}),
    fails("backrefs_without_regexp", {"path": F, "backrefs": True, "line": "c"}),
    fails("no_regex", {"path": F, "regexp": "(", "line": "c"}),
    looks("check", {"path": F, "line": "x"}, "msg"),
    looks("check_there", {"path": F, "line": "alpha"}, "msg"),
    looks("check_created", {"path": "{tree}/new", "line": "x", "create": True}, "msg"),
    looks("check_absent", {"path": F, "regexp": "a", "state": "absent"}, "msg", "found"),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("lineinfile", CASES, tmp_path)
