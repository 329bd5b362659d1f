"""Foreign exceptions to ours, with the line of the template that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2.exceptions import SecurityError, TemplateNotFound
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.exceptions import TemplateSyntaxError as JinjaSyntaxError

from hivectl.model.origin import Origin
from hivectl.model.templating.errors import (
    TemplateError,
    TemplateFileError,
    TemplateSyntaxError,
    TemplateValueError,
    UnsafeTemplateError,
)
from hivectl.model.templating.guard import describe

if TYPE_CHECKING:
    from jinja2.environment import Template

INLINE = "<template>"  # what Jinja2 calls a template without a file


def translate(error: BaseException) -> TemplateError:
    """Return our error for one that came out of a rendering."""
    if isinstance(error, TemplateNotFound):
        return TemplateFileError(f"there is no file {error.name} to include in the template's folders")
    if isinstance(error, SecurityError):
        return UnsafeTemplateError(describe(error))
    if isinstance(error, JinjaSyntaxError):
        return syntax_error(error, "", None, error.filename)
    if isinstance(error, JinjaError):
        return TemplateValueError(describe(error))
    return TemplateValueError(f"the template fails: {describe(error)}")


def placed(fault: TemplateError, raised: BaseException, lines: int) -> TemplateError:
    """Return the fault with the line of the template that `raised` came through last.

    In a file the line becomes the origin; in a text of several lines it is added to the message.
    """
    if fault.placed:
        return fault
    fault.placed = True
    found: tuple[Template, int] | None = None
    trace = raised.__traceback__
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            found = template, template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    if found is None or fault.origin is not None:
        return fault
    template, line = found
    if template.filename and template.filename != INLINE:
        fault.origin = Origin(template.filename, line, 1)
    elif lines > 1:
        fault.message = f"{fault.message} (line {line} of the template)"
    return fault


def syntax_error(
    error: JinjaSyntaxError, source: str, origin: Origin | None, path: str | None
) -> TemplateSyntaxError:
    """Return our error for a template that cannot be read."""
    message = (error.message or "the template cannot be read").rstrip(".")
    where = f" on line {error.lineno} of the template" if error.lineno > 1 and path is None else ""
    place = origin if path is None else Origin(path, error.lineno, 1)
    hint = _hint(source, message)
    # Jinja2's parser names tokens only: say what it was reading
    what = (
        "the template cannot be read: " if hint is None and message.startswith(("expected", "unexp")) else ""
    )
    return TemplateSyntaxError(f"{what}{message}{where}", origin=place, hint=hint)


def _hint(source: str, message: str) -> str | None:
    if "&&" in source or "||" in source:
        return "write `and` and `or`"
    if "got '='" in message or message.startswith('"="'):
        return "write == to compare"
    if "{#" in source and "comment" in message.lower():
        return "{# begins a comment; write {{ '{#' }} for the two characters"
    if "'}'" in message or "'{'" in message:
        return "braces of a mapping need a space between them and }}"
    return None
