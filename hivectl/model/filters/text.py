"""Filters on texts."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_quote
from urllib.parse import quote_plus
from urllib.parse import urlsplit as split_url

from markupsafe import escape as html_escape

from hivectl.model.templating.attributes import check_percent, check_replacement
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.limits import check_items, check_text, check_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TRUE = frozenset({"yes", "on", "1", "true"})
FALSE = frozenset({"no", "off", "0", "false", ""})
COMMENTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "plain": {"decoration": "# "},
        "erlang": {"decoration": "% "},
        "c": {"decoration": "// "},
        "cblock": {"beginning": "/*", "decoration": " * ", "end": " */"},
        "xml": {"beginning": "<!--", "decoration": " - ", "end": "-->"},
    }
)


def to_bool(value: Any) -> bool:
    """Return the truth that a text such as "yes" stands for; null is false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE:
            return True
        if word in FALSE:
            return False
    raise TemplateValueError(
        f"a value of type {type(value).__name__} is no boolean", hint="yes, no, true, false, on, off, 1, 0"
    )


def b64encode(value: Any, encoding: str = "utf-8") -> str:
    """Return the Base64 (RFC 4648, section 4) of a text."""
    data = value if isinstance(value, bytes) else str(value).encode(encoding, "surrogateescape")
    return base64.b64encode(data).decode("ascii")


def b64decode(value: str, encoding: str = "utf-8") -> str:
    """Return the text that Base64 stands for."""
    return base64.b64decode(value).decode(encoding, "surrogateescape")


def quote(value: Any) -> str:
    """Return the text as one word of a POSIX shell."""
    return shlex.quote("" if value is None else str(value))


def comment(  # Ansible's parameters
    text: str,
    style: str = "plain",
    *,
    decoration: str | None = None,
    beginning: str | None = None,
    end: str | None = None,
    prefix: str | None = None,
    postfix: str | None = None,
    prefix_count: int = 1,
    postfix_count: int = 1,
    newline: str = "\n",
) -> str:
    """Return the text as a comment of a programming language."""
    try:
        rules = COMMENTS[style]
    except KeyError:
        raise TemplateValueError(f'there is no comment style "{style}"', hint=", ".join(COMMENTS)) from None
    mark = rules["decoration"] if decoration is None else decoration
    before = rules.get("beginning", "") if beginning is None else beginning
    after = rules.get("end", "") if end is None else end
    bare = mark.rstrip()
    lead = (bare if prefix is None else prefix) if prefix_count else ""
    trail = (bare if postfix is None else postfix) if postfix_count else ""
    check_items(prefix_count + postfix_count)
    check_text(
        len(text)
        + (text.count(newline) + 1) * len(mark)
        + (len(lead) + len(newline)) * (prefix_count + postfix_count + 1)
    )
    body = mark + text.replace(newline, newline + mark)
    body = body.replace(newline + mark + newline, newline + bare + newline)
    parts = [
        before + newline if before else "",
        (lead + newline) * prefix_count,
        body,
        (newline + trail) * postfix_count,
    ]
    parts.append(newline + after if after else "")
    return "".join(parts)


def escape(value: Any) -> str:
    """Return the text as it must be written in HTML."""
    return str(html_escape(str(value)))


def split(text: str, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    """Return the parts of a text between separators (default: white space)."""
    check_items(text.count(separator) if separator else len(text.split(None, 1_000_001)))
    return text.split(separator, maxsplit)


def splitlines(text: str, keepends: bool = False) -> list[str]:  # Python's own parameter
    """Return the lines of a text."""
    return text.splitlines(keepends)


def center(value: Any, width: int = 80) -> str:
    """Return the text in the middle of `width` characters."""
    check_width(width)
    return str(value).center(width)


def indent(
    text: str, width: int | str = 4, first: bool = False, blank: bool = False
) -> str:  # Jinja2's parameters
    """Return the text with its lines indented, the first one and blank ones only when asked."""
    margin = width if isinstance(width, str) else " " * _width(width)
    lines = text.splitlines()
    if text.endswith("\n"):
        lines.append("")
    check_text(len(text) + len(lines) * (len(margin) + 1))
    shown = [
        line if number == 0 or not (line or blank) else margin + line for number, line in enumerate(lines)
    ]
    whole = "\n".join(shown)
    return margin + whole if first else whole


def replace(value: Any, old: str, new: str, count: int | None = None) -> str:
    """Return the text with `old` replaced by `new`, at most `count` times."""
    text = str(value)
    check_replacement(text, old, new, -1 if count is None else count)
    return text.replace(old, new, -1 if count is None else count)


def percent_format(text: str, *args: Any, **kwargs: Any) -> str:
    """Return the text with its % fields filled in."""
    check_percent(text)
    return str(text) % (kwargs or args)


def join(values: Iterable[Any], separator: str = "", attribute: Any = None) -> str:
    """Return the texts of all values as one, with a separator between them."""
    parts = [str(_attribute(value, attribute)) for value in values]
    check_text(sum(map(len, parts)) + len(separator) * len(parts))
    return str(separator).join(parts)


def urlencode(value: Any) -> str:
    """Return a text, mapping or list of pairs as it must be written in a URL (RFC 3986)."""
    if isinstance(value, Mapping):
        pairs: Any = value.items()
    elif isinstance(value, list | tuple):
        pairs = value
    else:
        return percent_quote(str(value), safe="/")
    return "&".join(f"{quote_plus(str(key))}={quote_plus(str(item))}" for key, item in pairs)


def urldecode(value: str) -> str:
    """Return the text that a percent-encoded one stands for."""
    from urllib.parse import unquote_plus

    return unquote_plus(value)


def urlsplit(value: str, query: str = "") -> Any:
    """Return the parts of a URL, or the one named by `query`."""
    parts = split_url(value)
    known = {
        "fragment": parts.fragment,
        "hostname": parts.hostname,
        "netloc": parts.netloc,
        "password": parts.password,
        "path": parts.path,
        "port": parts.port,
        "query": parts.query,
        "scheme": parts.scheme,
        "username": parts.username,
    }
    if not query:
        return known
    if query not in known:
        raise TemplateValueError(f'a URL has no part "{query}"', hint=", ".join(known))
    return known[query]


def _attribute(value: Any, attribute: Any) -> Any:
    if attribute is None:
        return value
    for part in str(attribute).split("."):
        value = value[int(part) if part.isdigit() and not isinstance(value, Mapping) else part]
    return value


def _width(width: int) -> int:
    check_width(width)
    return width


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "bool": to_bool,
        "b64encode": b64encode,
        "b64decode": b64decode,
        "quote": quote,
        "comment": comment,
        "split": split,
        "splitlines": splitlines,
        "center": center,
        "indent": indent,
        "replace": replace,
        "format": percent_format,
        "join": join,
        "urlencode": urlencode,
        "urldecode": urldecode,
        "urlsplit": urlsplit,
        "e": escape,
        "escape": escape,
        "forceescape": escape,
        "safe": str,
    }
)
