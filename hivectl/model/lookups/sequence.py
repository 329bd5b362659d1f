"""The lookup `sequence`: numbers as texts."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

from hivectl.model.lookups.base import Lookup, Request
from hivectl.model.lookups.inline import with_inline_options
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.templating.attributes import check_percent
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.limits import check_items

NUMBER = r"0?x?[0-9a-f]+"
SHORT = re.compile(
    rf"(?:(?P<start>{NUMBER})-)?(?P<end>{NUMBER})(?:/(?P<stride>{NUMBER}))?(?::(?P<format>.+))?",
    re.IGNORECASE,
)


@record(kw_only=True)
class Options:
    """Options of `sequence`."""

    start: int = parameter("The first number.", default=1)
    end: int | None = parameter("The last number.", default=None)
    count: int | None = parameter("How many numbers, in place of `end`.", default=None)
    stride: int = parameter("From one number to the next; negative to count backwards.", default=1)
    format: str = parameter("How each is written, as % has it.", default="%d", example="host%02d")


def _whole(text: str) -> int:
    """Return a number as the lookup's users write it: 10, 010 (ten, as ansible-core takes it), 0x1f."""
    try:
        return int(text, 16 if "x" in text.lower() else 10)
    except ValueError:
        raise TemplateValueError(f'"{text}" is no whole number', hint="write 10 or 0x1f") from None


def _options(term: Any, given: Options) -> Options:
    text = str(term).strip()
    if found := SHORT.fullmatch(text):
        values: dict[str, Any] = {
            name: value for name, value in found.groupdict().items() if value is not None
        }
        rest = ""
    else:
        rest, values = with_inline_options(text, Options)
    if rest:
        raise TemplateValueError(
            f'"{rest}" is no sequence', hint="write start=1 end=5 stride=1 format=%d, or 1-5/1:%d"
        )
    numbers = {name: _whole(value) if name != "format" else value for name, value in values.items()}
    return Options(**(asdict(given) | numbers))


def _numbers(options: Options) -> range:
    if (options.count is None) == (options.end is None):
        raise TemplateValueError("a sequence needs `end` or `count`, and not both")
    start, stride = options.start, options.stride
    if options.count == 0 or stride == 0:
        return range(0)
    if options.count is not None:
        return range(start, start + options.count * stride, stride)
    assert options.end is not None
    if (options.end - start) * stride < 0:
        raise TemplateValueError(
            f"from {start} to {options.end} no step of {stride} leads",
            hint="`stride` counts backwards if negative",
        )
    return range(start, options.end + (1 if stride > 0 else -1), stride)


def _sequence(request: Request) -> list[Any]:
    found: list[str] = []
    for term in request.terms or [""]:
        options = _options(term, request.options)
        if options.format.replace("%%", "").count("%") != 1:
            raise TemplateValueError(
                f'the format "{options.format}" needs one % field', hint="such as host%02d"
            )
        numbers = _numbers(options)
        check_items(len(numbers) + len(found))
        check_percent(options.format)
        try:
            found += [options.format % number for number in numbers]
        except (TypeError, ValueError) as error:
            raise TemplateValueError(f'the format "{options.format}" takes no number: {error}') from None
    return found


LOOKUPS = (
    Lookup(name="sequence", summary="numbers as texts", find=_sequence, options=Options, constant=True),
)
