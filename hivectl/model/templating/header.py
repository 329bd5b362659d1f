"""The first line of a template that says how it is read: `#jinja2: lstrip_blocks: True, trim_blocks: False`.

Source: "Template Customization" in the documentation of Ansible's template module.
"""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from jinja2 import nodes

from hivectl.model.suggestions import did_you_mean
from hivectl.model.templating.errors import TemplateSyntaxError

if TYPE_CHECKING:
    from hivectl.model.templates import TemplateOptions

HEADER = "#jinja2:"
FLAGS = frozenset({"trim_blocks", "lstrip_blocks", "keep_trailing_newline"})
NEWLINES = ("\n", "\r\n", "\r")


def with_header(source: str, options: TemplateOptions) -> TemplateOptions:
    """Return the options with what the first line of `source` says.

    Args:
        source: begins with HEADER.
        options: of the task or lookup.

    Raises:
        TemplateSyntaxError: the line says what is no option, or gives it a wrong value.
    """
    line, newline, _ = source[len(HEADER) :].partition("\n")
    if not newline:
        raise _wrong(f"behind the line `{HEADER}` nothing follows", "the template begins in the next line")
    names = [field.name for field in fields(options)]
    given: dict[str, Any] = {}
    for pair in line.split(","):
        name, colon, text = pair.partition(":")
        name = name.strip()
        if not colon:
            raise _wrong(f'"{pair.strip()}" is no `name: value`', f"{HEADER} trim_blocks: False")
        if name not in names:
            hint = did_you_mean(name, names) or f"there are {', '.join(names)}"
            raise _wrong(f"`{HEADER}` knows no `{name}`", hint)
        given[name] = _value(name, text.strip())
    return replace(options, **given)


def _value(name: str, text: str) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = None
    if name in FLAGS and not isinstance(value, bool):
        raise _wrong(f"`{name}` is True or False, not `{text}`", f"{HEADER} {name}: True")
    if name not in FLAGS and (not isinstance(value, str) or not value):
        raise _wrong(f"`{name}` is a text in quotation marks, not `{text}`", f"{HEADER} {name}: '…'")
    if name == "newline_sequence" and value not in NEWLINES:
        raise _wrong(f"`{name}` is '\\n', '\\r\\n' or '\\r', not `{text}`", "leave it out for '\\n'")
    return value


def behind_header(source: str) -> str:
    """Return the template itself, which begins in the second line."""
    return source.partition("\n")[2]


def without_first_newline(tree: nodes.Template) -> nodes.Template:
    """Drop the header's own newline, which a template is read with so that its lines keep their numbers."""
    first = tree.find(nodes.Output)
    data = first.nodes[0] if first is not None else None
    if isinstance(data, nodes.TemplateData) and data.lineno == 1 and data.data.startswith("\n"):
        data.data = data.data[1:]
        if not data.data and first is not None:
            first.nodes.pop(0)
    return tree


def _wrong(message: str, hint: str) -> TemplateSyntaxError:
    error = TemplateSyntaxError(message, hint=hint)
    error.line = 1
    return error
