"""`blockinfile`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import assert_as_ansible, case, fails, looks

if TYPE_CHECKING:
    from pathlib import Path

F = "{tree}/file.txt"
MINE = "a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nb\n"


def block(name: str, text: str | None, *, keys: tuple[str, ...] = ("msg",), **arguments: Any) -> Any:
    """Return a case with one file that holds `text`."""
    files = {} if text is None else {"file.txt": text}
    return case(name, {"path": F, **arguments}, *keys, files=files)


CASES = [
    block("end", "a\nb\n", block="x\ny\n"),
    block("end_no_newline", "a\nb", block="x"),
    block("empty_file", "", block="x"),
    block("only_newlines", "\n\n", block="x"),
    block("replaced", MINE, block="new"),
    block("replaced_longer", MINE, block="1\n2\n3\n"),
    block("same", MINE, block="old"),
    block("same_crlf", MINE.replace("\n", "\r\n"), block="old"),
    block("absent", MINE, state="absent"),
    block("absent_twice", MINE + MINE, state="absent"),
    block("absent_none", "a\nb\n", state="absent"),
    block("absent_with_block", MINE, state="absent", block="old"),
    block("empty_block_removes", MINE, block=""),
    block("no_block", MINE),
    block("content_alias", "a\n", content="x"),
    block("after", "a\nb\nc\n", block="x", insertafter="^a"),
    block("after_last_of_two", "a\nb\na\nc\n", block="x", insertafter="^a"),
    block("after_no_match", "a\nb\n", block="x", insertafter="^z"),
    block("after_eof", "a\nb\n", block="x", insertafter="EOF"),
    block("after_regex", "[one]\nk=1\n[two]\nk=2\n", block="x", insertafter=r"^\[\w+\]$"),
    block("after_last_line_without_newline", "a\nb", block="x", insertafter="^b"),
    block("before", "a\nb\nc\n", block="x", insertbefore="^b"),
    block("before_last_of_two", "a\nb\na\nc\n", block="x", insertbefore="^a"),
    block("before_bof", "a\nb\n", block="x", insertbefore="BOF"),
    block("before_no_match", "a\nb\n", block="x", insertbefore="^z"),
    block("before_first_line", "a\nb\n", block="x", insertbefore="^a"),
    block("after_moves_nothing", MINE, block="new", insertafter="^b"),
    block("multiline", "a\nb\nc\nd\n", block="x", insertafter="(?m)^b\nc$"),
    block("multiline_before", "a\nb\nc\nd\n", block="x", insertbefore="(?m)^b\nc$"),
    block("multiline_none", "a\nb\n", block="x", insertafter="(?m)^z\nc$"),
    block("marker", "a\n", block="x", marker="; {mark} us"),
    block("marker_words", "a\n", block="x", marker_begin="FROM", marker_end="TO"),
    block("marker_html", "<p>\n", block="<b>", marker="<!-- {mark} -->"),
    block("marker_without_mark", "a\n", block="x", marker="# the same"),
    block("marker_mark_twice", "a\n", block="x", marker="# {mark} {mark}"),
    block("marker_backslash", "a\n", block="x", marker=r"\# {mark} \d"),
    block("two_blocks_of_names", MINE, block="x", marker="# {mark} other"),
    block("only_begin", "a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\n", block="x"),
    block("only_end", "a\n# END ANSIBLE MANAGED BLOCK\nold\n", block="x"),
    block("reversed", "a\n# END ANSIBLE MANAGED BLOCK\nold\n# BEGIN ANSIBLE MANAGED BLOCK\nb\n", block="x"),
    block("two_blocks", MINE + MINE, block="x"),
    block("newlines_without_block", "a\nb\n", append_newline=True, prepend_newline=True),
    block("newlines_without_block_removes", MINE, append_newline=True, prepend_newline=True),
    block("append_newline", "a\nb\n", block="x", insertafter="^a", append_newline=True),
    block("append_newline_at_end", "a\nb\n", block="x", append_newline=True),
    block("append_newline_there", "a\n\nb\n", block="x", insertafter="^a", append_newline=True),
    block("prepend_newline", "a\nb\n", block="x", prepend_newline=True),
    block("prepend_newline_there", "a\n\n", block="x", prepend_newline=True),
    block("prepend_newline_at_start", "a\n", block="x", prepend_newline=True, insertbefore="BOF"),
    block("both_newlines", "a\nb\n", block="x", insertafter="^a", append_newline=True, prepend_newline=True),
    block("newlines_of_blank_lines", "a\n  \nb\n", block="x", insertafter="^a", append_newline=True),
    block("newlines_and_absent", MINE, state="absent", append_newline=True, prepend_newline=True),
    block("umlauts", "ä\n", block="ö\nß"),
    block("indented", "a:\n", block="  b: 1\n  c: 2"),
    block("several_newlines_at_the_end", "a\n", block="x\n\n\n"),
    block("form_feed", "a\fb\nc\n", block="x\fy", insertafter="^a"),
    block("carriage_return", "a\rb\nc\n", block="x\ry"),
    block("created", None, block="x", create=True, mode="0600"),
    block("created_below", None, path="{tree}/new/deep/f", block="x", create=True),
    block("created_without_block", None, create=True),
    block("mode", "a\n", block="x", mode="0600"),
    block("mode_alone", MINE, block="old", mode="0600"),
    case("backup", {"path": F, "block": "x", "backup": True}, "msg"),
    case("validated", {"path": F, "block": "x", "validate": "grep -q x %s"}),
    case("link", {"path": "{tree}/link", "block": "x"}, links={"link": "file.txt"}),
    case("dest_alias", {"dest": F, "block": "x"}, "msg"),
    fails("invalid", {"path": F, "block": "x", "validate": "grep -q nothing %s"}),
    fails("validate_without_file", {"path": F, "block": "x", "validate": "true"}),
    fails("none", {"path": "{tree}/none", "block": "x"}, "msg", "rc"),
    fails("none_absent", {"path": "{tree}/none", "state": "absent"}),
    fails("none_absent_create", {"path": "{tree}/none", "state": "absent", "create": True}, "msg"),
    fails("directory", {"path": "{tree}/dir", "block": "x"}, "rc"),
    fails("both_places", {"path": F, "block": "x", "insertafter": "a", "insertbefore": "b"}),
    fails("no_regex", {"path": F, "block": "x", "insertafter": "("}),
    looks("check", {"path": F, "block": "x"}, "msg"),
    looks("check_same", {"path": F, "state": "absent"}, "msg"),
    looks("check_created", {"path": "{tree}/new/f", "block": "x", "create": True}, "msg"),
    looks("check_mode", {"path": F, "state": "absent", "mode": "0600"}, "msg"),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("blockinfile", CASES, tmp_path)
