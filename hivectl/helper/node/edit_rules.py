"""Rules of editing: text in, text out, no files; by the meaning of Ansible's lineinfile, blockinfile and replace.

Texts come decoded with surrogateescape, so that bytes of no encoding survive.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class RuleError(Exception):
    """An edit that cannot be done as it is written."""


class Edited:
    """What a rule made of a text: the new `text`, a message, and what else the result shall say."""

    def __init__(self, text: str, message: str, **more: "Any") -> None:
        self.text = text
        self.message = message
        self.more = more


# a backslash is not among them: what follows it decides
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-=:;,/#@!%&~\"'<>")


class _Literal:
    """A pattern without operators but `^` at its start: found without the re module, whose import costs 5 ms."""

    def __init__(self, text: str, *, anchored: bool) -> None:
        self.text = text
        self.anchored = anchored

    def search(self, line: str) -> "Any":
        """Say whether the line has it."""
        return line.startswith(self.text) if self.anchored else self.text in line


def compile_pattern(pattern: str, what: str, *, groups: bool = False) -> "Any":
    """Return something with `search`; raises RuleError for a pattern that is none."""
    anchored = pattern.startswith("^")
    text = pattern[1:] if anchored else pattern
    for tail in (".*", ".*$"):
        if text.endswith(tail):
            text = text[: -len(tail)]
            break
    if not groups and _PLAIN.issuperset(text):
        return _Literal(text, anchored=anchored)
    import re

    try:
        return re.compile(pattern)
    except re.error as error:
        raise RuleError(f"{what} is not a regular expression: {error} ({pattern!r})") from error


def _lines(text: str) -> "list[str]":
    """Split after each newline and nowhere else."""
    parts = text.split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _bare(line: str) -> str:
    return line.rstrip("\r\n")


def edit(rule: str, text: str, arguments: "Mapping[str, Any]") -> Edited:
    """Apply the rule "line", "block" or "replace"; raises RuleError."""
    if rule == "line":
        if (arguments.get("state") or "present") == "absent":
            return remove_lines(text, arguments)
        return put_line(text, arguments)
    if rule == "block":
        return put_block(text, arguments)
    if rule == "replace":
        return replace(text, arguments)
    raise RuleError(f"there is no rule of editing called {rule}")


def put_line(text: str, arguments: "Mapping[str, Any]") -> Edited:
    """See that a line is there: lineinfile with state=present."""
    line = arguments.get("line")
    backrefs = bool(arguments.get("backrefs"))
    regexp, wanted = arguments.get("regexp"), arguments.get("search_string")
    if line is None:
        raise RuleError("line is required with state=present")
    if backrefs and regexp is None:
        raise RuleError("regexp is required with backrefs=true")
    lines = _lines(text)
    place, match = _find(lines, regexp, wanted, groups=backrefs, first=bool(arguments.get("firstmatch")))
    insertion = -1
    if place < 0:
        place, insertion = _find_insertion(lines, line, arguments)
    if place >= 0:
        new = _expand(match, line) if backrefs and match is not None else line
        new = new if new.endswith("\n") else new + "\n"
        if lines[place] == new:
            return Edited(text, "")
        lines[place] = new
        return Edited("".join(lines), "line replaced")
    if backrefs or not _insert(lines, line, insertion, arguments):
        return Edited(text, "")
    return Edited("".join(lines), "line added")


def _expand(match: "Any", line: str) -> str:
    import re

    try:
        return str(match.expand(line))
    except (re.error, IndexError) as error:
        raise RuleError(f"line names a group that regexp has not: {error}") from error


def _find(
    lines: "list[str]", regexp: "Any", wanted: "Any", *, groups: bool, first: bool
) -> "tuple[int, Any]":
    """Return the place of the last line (or the first) that matches, and the match; -1 without one."""
    place, match = -1, None
    if regexp is not None:
        search = compile_pattern(regexp, "regexp", groups=groups).search
    elif wanted is not None:
        search = lambda current: wanted in current  # noqa: E731 - one of two searches
    else:
        return -1, None
    for number, current in enumerate(lines):
        found = search(current)
        if found:
            place, match = number, found
            if first:
                break
    return place, match


def _find_insertion(lines: "list[str]", line: str, arguments: "Mapping[str, Any]") -> "tuple[int, int]":
    """Return (place of the line as it is, place where insertafter or insertbefore wants it), -1 for neither."""
    after, before = arguments.get("insertafter"), arguments.get("insertbefore")
    pattern = None
    if after not in {None, "BOF", "EOF"}:
        pattern = compile_pattern(str(after), "insertafter")
    elif before not in {None, "BOF"}:
        pattern = compile_pattern(str(before), "insertbefore")
    exact, insertion = -1, -1
    for number, current in enumerate(lines):
        if _bare(current) == line:
            exact = number
        elif pattern is not None and pattern.search(current):
            insertion = number + 1 if after else number
            if arguments.get("firstmatch"):
                break
    return exact, insertion


def _insert(lines: "list[str]", line: str, insertion: int, arguments: "Mapping[str, Any]") -> bool:
    """Put a line that nothing matched into its place; say whether that changed anything."""
    after, before = arguments.get("insertafter"), arguments.get("insertbefore")
    if "BOF" in {after, before}:
        lines.insert(0, line + "\n")
        return True
    if insertion < 0 or after == "EOF":
        insertion = len(lines)
    elif after and insertion < len(lines) and _bare(lines[insertion]) == line:
        return False
    if insertion and not lines[insertion - 1].endswith("\n"):
        lines[insertion - 1] += "\n"
    lines.insert(insertion, line + "\n")
    return True


def remove_lines(text: str, arguments: "Mapping[str, Any]") -> Edited:
    """See that no such line is there: lineinfile with state=absent."""
    regexp, wanted, line = (arguments.get(key) for key in ("regexp", "search_string", "line"))
    if regexp is not None:
        search = compile_pattern(regexp, "regexp").search
    elif wanted is not None:
        search = lambda current: wanted in current  # noqa: E731 - one of three searches
    elif line is not None:
        search = lambda current: _bare(current) == line  # noqa: E731 - one of three searches
    else:
        raise RuleError("one of line, search_string, or regexp is required with state=absent")
    lines = _lines(text)
    kept = [current for current in lines if not search(current)]
    found = len(lines) - len(kept)
    return Edited("".join(kept), "%d line(s) removed" % found if found else "", found=found)


def put_block(text: str, arguments: "Mapping[str, Any]") -> Edited:
    """See that a block between marker lines is there, or gone: blockinfile."""
    marker = arguments.get("marker") or "# {mark} ANSIBLE MANAGED BLOCK"
    first = marker.replace("{mark}", arguments.get("marker_begin") or "BEGIN") + "\n"
    last = marker.replace("{mark}", arguments.get("marker_end") or "END") + "\n"
    block = arguments.get("block") or ""
    absent = (arguments.get("state") or "present") == "absent"
    new: "list[str]" = []
    if block and not absent:
        new = [first, *_lines(block if block.endswith("\n") else block + "\n"), last]
    there = bool(new)
    lines = _lines(text)
    # a last line without a newline is a marker all the same
    begins = [number for number, line in enumerate(lines) if line in {first, first[:-1]}]
    ends = [number for number, line in enumerate(lines) if line in {last, last[:-1]}]
    if begins and ends:
        place, end = sorted((begins[-1], ends[-1]))
        del lines[place : end + 1]
    else:
        place = _block_place(lines, arguments)
    if place and new and not lines[place - 1].endswith("\n"):
        lines[place - 1] += "\n"
    if not absent and arguments.get("prepend_newline") and place and lines[place - 1] != "\n":
        new.insert(0, "\n")
    lines[place:place] = new
    behind = place + len(new)
    if not absent and arguments.get("append_newline") and behind < len(lines) and lines[behind] != "\n":
        lines.insert(behind, "\n")
    result = "".join(lines)
    return Edited(result, "" if result == text else "Block inserted" if there else "Block removed")


def _block_place(lines: "list[str]", arguments: "Mapping[str, Any]") -> int:
    after, before = arguments.get("insertafter"), arguments.get("insertbefore")
    if before == "BOF":
        return 0
    wanted = before if before is not None else after
    if wanted in {None, "EOF"}:
        return len(lines)
    import re

    what = "insertbefore" if before is not None else "insertafter"
    pattern = compile_pattern(str(wanted), what, groups=True)
    if pattern.flags & re.MULTILINE:
        text = "".join(lines)
        found = pattern.search(text)
        if found is None:
            return len(lines)
        return text.count("\n", 0, found.start() if before is not None else found.end()) + (before is None)
    places = [number for number, line in enumerate(lines) if pattern.search(line)]
    if not places:
        return len(lines)
    return places[-1] if before is not None else places[-1] + 1


def replace(text: str, arguments: "Mapping[str, Any]") -> Edited:
    """Replace every match of a pattern, if asked only between two others: Ansible's replace."""
    import re

    after, before = arguments.get("after"), arguments.get("before")
    start, end = 0, len(text)
    try:
        if after or before:
            head = after or ""
            tail = before or ""
            body = "(?P<subsection>.*?)" if after and before else "(?P<subsection>.*)"
            section = re.search(head + body + tail, text, re.DOTALL)
            if section is None:
                words = "Pattern for before/after params did not match the given file: "
                return Edited(text, words + head + body + tail)
            start, end = section.span("subsection")
        new, count = re.subn(
            arguments["regexp"], arguments.get("replace") or "", text[start:end], flags=re.MULTILINE
        )
    except re.error as error:
        raise RuleError("not a regular expression: {} ({!r})".format(error, arguments["regexp"])) from error
    except IndexError as error:
        raise RuleError(f"replace names a group that regexp has not: {error}") from error
    result = text[:start] + new + text[end:]
    return Edited(result, "%d replacements made" % count if result != text else "")
