"""Filters and tests with regular expressions.

An expression may take exponential time: an alarm ends it in the main thread. Other threads get no alarm, so
there expressions with repetitions inside of repetitions (`(a+)+`) only see short texts.
"""

from __future__ import annotations

import re
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hivectl.model.templating.errors import TemplateLimitError, TemplateValueError
from hivectl.model.templating.limits import PATTERN_INPUT, PATTERN_SECONDS, alarm, check_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST_PATTERN = 2_000
# a group that holds an unbounded repetition and is itself repeated without bound
NESTED = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*]|\{\d+,\})(?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,\})")
SHORT = 20  # characters, at which even nested repetitions end soon


def compiled(
    pattern: Any, *, text: str, ignorecase: bool = False, multiline: bool = False
) -> re.Pattern[str]:
    """Return the compiled expression, once it is known that it will end on this text."""
    source = str(pattern)
    if len(source) > LARGEST_PATTERN or len(text) > PATTERN_INPUT:
        raise TemplateLimitError(f"a regular expression may look at {PATTERN_INPUT:,} characters at most")
    silent = threading.current_thread() is not threading.main_thread()
    if silent and len(text) > SHORT and NESTED.search(source):
        message = "the regular expression repeats a repetition, which may never end"
        raise TemplateLimitError(message, hint="write (a+)+ as a+")
    flags = (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)
    try:
        return re.compile(source, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise TemplateValueError(f"the regular expression is wrong: {error}") from None


def regex_replace(  # Ansible's parameters
    value: Any = "",
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,  # Ansible's parameter
    multiline: bool = False,  # Ansible's parameter
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    r"""Return the text with what matches replaced; `\\1` in the replacement stands for a group."""
    text = str(value)
    expression = compiled(pattern, text=text, ignorecase=ignorecase, multiline=multiline)
    made = 0

    def expand(match: re.Match[str]) -> str:
        nonlocal made
        part = match.expand(replacement) if "\\" in replacement else replacement
        made += len(part)
        check_text(made)
        return part

    with alarm(PATTERN_SECONDS):
        result, times = expression.subn(expand, text, count=count)
    if mandatory_count and times != mandatory_count:
        raise TemplateValueError(f"the expression matches {times} times, not {mandatory_count}")
    return result


def regex_search(
    value: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[str] | None:
    r"""Return the first match, or the groups of it that are named (`\\1`, `\\g<name>`); null without a match."""
    text = str(value)
    expression = compiled(pattern, text=text, ignorecase=ignorecase, multiline=multiline)
    with alarm(PATTERN_SECONDS):
        match = expression.search(text)
    if match is None:
        return None
    return [_group(match, group) for group in groups] if groups else match.group()


def _group(match: re.Match[str], group: str) -> str:
    if named := re.fullmatch(r"\\g<(\S+)>", group):
        key: str | int = int(named[1]) if named[1].isdigit() else named[1]
    elif numbered := re.fullmatch(r"\\(\d+)", group):
        key = int(numbered[1])
    else:
        raise TemplateValueError(f"{group!r} is no group", hint=r"write '\\1' or '\\g<name>'")
    try:
        return match.group(key)
    except IndexError:
        raise TemplateValueError(f"the expression has no group {key!r}") from None


def regex_findall(
    value: Any, pattern: str, multiline: bool = False, ignorecase: bool = False
) -> list[Any]:  # Ansible's parameters
    """Return every match; of an expression with groups, these."""
    text = str(value)
    expression = compiled(pattern, text=text, ignorecase=ignorecase, multiline=multiline)
    with alarm(PATTERN_SECONDS):
        return expression.findall(text)


def regex_escape(value: Any, re_type: str = "python") -> str:
    """Return an expression that matches the text itself."""
    if re_type == "python":
        return re.escape(str(value))
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", str(value))
    raise TemplateValueError(
        f'there is no kind "{re_type}" of regular expressions', hint="python, posix_basic"
    )


def matches(
    value: Any,
    pattern: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    match_type: str = "search",  # Ansible's parameters
) -> bool:
    """Say whether the text has a match, found as `match_type` says: search, match or fullmatch."""
    text = str(value)
    expression = compiled(pattern, text=text, ignorecase=ignorecase, multiline=multiline)
    if match_type not in {"search", "match", "fullmatch"}:
        raise TemplateValueError(f'there is no match_type "{match_type}"', hint="search, match, fullmatch")
    with alarm(PATTERN_SECONDS):
        return bool(getattr(expression, match_type)(text))


def match_start(
    value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False
) -> bool:  # Ansible's parameters
    """Say whether the text begins with a match."""
    return matches(value, pattern, ignorecase, multiline, "match")


def search(
    value: Any, pattern: str = "", ignorecase: bool = False, multiline: bool = False
) -> bool:  # Ansible's parameters
    """Say whether there is a match anywhere in the text."""
    return matches(value, pattern, ignorecase, multiline, "search")


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "regex_replace": regex_replace,
        "regex_search": regex_search,
        "regex_findall": regex_findall,
        "regex_escape": regex_escape,
    }
)
TESTS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"regex": matches, "match": match_start, "search": search}
)
