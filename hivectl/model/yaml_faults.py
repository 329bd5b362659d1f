"""What is wrong with malformed YAML, in plain words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import InputError
from hivectl.model.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

UNQUOTED_TEMPLATE = r"(?:[:-]\s+|^\s*)(\{\{.*)"
TEXT_WITH_COLON = r"^\s*(?:- +)*[^\s'\"\[{#][^'\"]*?:\s+(?P<text>[^'\"\[{|>&*!#\s].*?):(?:\s|$)"
NO_SPACE = r"^\s*(?:- +)*[\w.-]+:[^\s/\\:]"
UNFIT = r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
# the same of ASCII alone: the ranges above take 5 ms to compile
UNFIT_ASCII = re.compile(r"[^\t\n\r\x20-\x7e]")
TEMPLATE_HINT = 'put quotes around it: "{{ ... }}"'

# (pieces of libyaml's and PyYAML's messages, plain words)
PLAIN: tuple[tuple[tuple[str, ...], str], ...] = (
    (("tab character that violates",), "lines are indented with spaces, not with tabs"),
    (("unexpected end of stream", "quoted scalar"), "a quotation mark is opened here and never closed"),
    (("unknown escape",), "a backslash in double quotes begins an escape; use single quotes, or write \\\\"),
    (
        ("escape", "quoted scalar"),
        "a backslash in double quotes begins an escape; use single quotes, or write \\\\",
    ),
    (
        ("undefined alias",),
        "no anchor of this name is defined above; a text that begins with * must be quoted",
    ),
    (("scanning an alias",), "a text that begins with * must be quoted (a bare * refers to an anchor)"),
    (("scanning an anchor",), "a text that begins with & must be quoted (a bare & names an anchor)"),
    (("duplicate anchor",), "this anchor (&name) is defined a second time"),
    (("another document",), "one file holds one document; a second one begins here with ---"),
    (("',' or ']'",), "a [ list ] is not closed, or lacks a comma"),
    (("',' or '}'",), "a { mapping } is not closed, or lacks a comma"),
    (("could not find expected ':'",), 'this line has no "key: value"; a colon or an indentation is missing'),
    (("'-' indicator",), "a list goes on here with something that does not begin with a dash"),
    (("block sequence entries are not allowed",), "a list cannot begin on this line; put it on the next one"),
    (("mapping values are not allowed",), 'a second "key: value" cannot begin here; check the indentation'),
    (("parsing a block collection",), "a list goes on here with something that does not begin with a dash"),
    (("expected key",), "the indentation does not fit the lines above, or something follows a closed value"),
    (
        ("expected <block end>",),
        "the indentation does not fit the lines above, or something follows a closed value",
    ),
    (("document start",), "something follows the end of the document; check the indentation"),
    (("flow node",), "a value is missing inside [ ] or { }, or the bracket is not closed"),
    (("node content",), "a value is missing here, or a bracket is closed that was never opened"),
    (("tag handle",), "this tag is not known"),
)


class MalformedYamlError(InputError):
    """A file is not YAML."""


def syntax_error(error: Any, path: str, lines: Sequence[str]) -> MalformedYamlError:
    """Translate PyYAML's or libyaml's error.

    Args:
        error: a `yaml.MarkedYAMLError`.
        path: the file.
        lines: its text.
    """
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    if "quoted scalar" in said and "end of stream" in said and error.context_mark:
        mark = error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    message, hint, column, line = _explain(said, line, column, lines)
    return MalformedYamlError(message, origin=Origin(path, line + 1, column + 1), hint=hint)


def _explain(said: str, line: int, column: int, lines: Sequence[str]) -> tuple[str, str | None, int, int]:
    """Return message, hint, column and line (from 0) of the mistake itself rather than of where it was noticed."""
    for explanation in (_template, _character, _colon):
        found = explanation(said, line, column, lines)
        if found is not None:
            return found
    if "could not find expected ':'" in said and line > 0:
        above = _line(lines, line - 1)
        return _plain(said), None, len(above) - len(above.lstrip()), line - 1
    return _plain(said), None, column, line


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number] if 0 <= number < len(lines) else ""


def _template(
    said: str, line: int, _column: int, lines: Sequence[str]
) -> tuple[str, str | None, int, int] | None:
    """A bare {{ x }} followed by text."""
    for number in (line, line - 1):
        template = re.search(UNQUOTED_TEMPLATE, _line(lines, number))
        if template and "token" not in said:
            return "a value that begins with {{ must be quoted", TEMPLATE_HINT, template.start(1), number
    return None


def _character(
    said: str, line: int, column: int, lines: Sequence[str]
) -> tuple[str, str | None, int, int] | None:
    """A tab in the indentation, or a text that begins with a character which YAML keeps for itself."""
    text = _line(lines, line)
    indentation = text[: len(text) - len(text.lstrip())]
    if "\t" in indentation and column <= len(indentation):
        return PLAIN[0][1], None, indentation.index("\t"), line
    if "cannot start any token" in said and column < len(text):
        return f"a text that begins with {text[column]} must be quoted", None, column, line
    return None


def _colon(
    said: str, line: int, _column: int, lines: Sequence[str]
) -> tuple[str, str | None, int, int] | None:
    """A colon inside a text, or one without its space."""
    text = re.match(TEXT_WITH_COLON, _line(lines, line))
    if "mapping values" in said and text:
        return "a text that holds a colon followed by a space must be quoted", None, text.start("text"), line
    if "mapping values" in said or "expected ':'" in said:
        for number in (line - 1, line):
            if re.match(NO_SPACE, _line(lines, number)):
                return "a space is missing after the colon", None, lines[number].index(":"), number
    return None


def _plain(said: str) -> str:
    known = (words for pieces, words in PLAIN if all(piece in said for piece in pieces))
    return next(known, f"this is not YAML: {said.strip()}")


def decode(content: bytes, path: str) -> str:
    """Return the text of a file; raises MalformedYamlError when it is not UTF-8."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        origin = Origin(path, before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1)
        hint = (
            "it begins like UTF-16; save it as UTF-8"
            if content[:2] in {b"\xff\xfe", b"\xfe\xff"}
            else "save it as UTF-8"
        )
        raise MalformedYamlError("the file is not UTF-8 text", origin=origin, hint=hint) from None


def check_characters(text: str, path: str) -> None:
    """Refuse what YAML 1.1 (5.1, character set) does not allow; raises MalformedYamlError."""
    found = UNFIT_ASCII.search(text) if text.isascii() else re.search(UNFIT, text)
    if found is None:
        return
    before = text[: found.start()].splitlines() or [""]
    if text[: found.start()].endswith(("\n", "\r")):
        before.append("")
    name = "a NUL" if found.group() == "\0" else f"the control character U+{ord(found.group()):04X}"
    origin = Origin(path, len(before), len(before[-1]) + 1)
    raise MalformedYamlError(f"the file holds {name}; it is not a text file", origin=origin)
