"""Bounds of one rendering: steps, seconds, and the size of what it makes.

A playbook may come from another person, and values from a node: neither may keep the controller busy
without end or fill its memory. Each loop iteration, call, filter and operator counts as a step.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from hivectl.model.templating.errors import TemplateLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STEPS = 1_000_000
SECONDS = 10.0
TEXT = 10_000_000  # characters
ITEMS = 1_000_000  # values in a container, at every depth together
BITS = 14_000  # of a whole number; Python prints up to 4,300 digits
WIDTH = 10_000  # of one field that is padded
PATTERN_INPUT = 1_000_000  # characters that a regular expression looks at
PATTERN_SECONDS = 2.0
SCALARS = frozenset({str, int, float, bool, type(None), bytes})


class Rendering:
    """One rendering under way, with all the variables that it renders on the way.

    Attributes:
        steps: how many there have been.
        variables: whose names are near when one is undefined.
    """

    __slots__ = ("_deadline", "steps", "variables")

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.variables = variables
        self.steps = 0
        self._deadline = 0.0

    def wait(self, seconds: float) -> None:
        """Give back the time that was spent waiting for a program, which has a deadline of its own."""
        if self._deadline:
            self._deadline += seconds

    def look_at_clock(self, steps: int) -> None:
        """Raise TemplateLimitError when there were too many steps, or when they took too long."""
        if steps > STEPS:
            raise TemplateLimitError(
                f"the template takes more than {STEPS:,} steps", hint="is a loop endless?"
            )
        now = time.monotonic()
        if not self._deadline:
            self._deadline = now + SECONDS
        elif now > self._deadline:
            raise TemplateLimitError(
                f"the template takes longer than {SECONDS:g} s", hint="is a loop endless?"
            )


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """End what runs inside after `seconds` of wall time, even within one call of a regular expression.

    By a signal, which only the main thread gets; elsewhere nothing happens. Python's engine looks for signals
    every 4,096 steps (CPython, Modules/_sre/sre_lib.h).

    Raises:
        TemplateLimitError: it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: object) -> None:
        raise TemplateLimitError(f"one step of the template takes longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, before)


current: ContextVar[Rendering | None] = ContextVar("rendering", default=None)


def step(count: int = 1) -> None:
    """Count steps of the rendering under way."""
    rendering = current.get()
    if rendering is not None:
        before = rendering.steps
        rendering.steps = steps = before + count
        if steps >> 6 != before >> 6 or not before:  # the clock costs as much as the rest
            rendering.look_at_clock(steps)


def check_text(length: int) -> None:
    """Refuse a text of `length` characters before it is made."""
    if length > TEXT:
        raise TemplateLimitError(f"the template makes a text of more than {TEXT:,} characters")


def check_items(count: int) -> None:
    """Refuse a container of `count` values before it is made."""
    if count > ITEMS:
        raise TemplateLimitError(f"the template makes more than {ITEMS:,} values")


def check_width(width: int) -> None:
    """Refuse a padded field of `width` characters."""
    if width > WIDTH:
        raise TemplateLimitError(f"the template pads a text to more than {WIDTH:,} characters")


def check_power(base: float, exponent: float) -> None:
    """Refuse a power that fills memory."""
    if isinstance(base, int) and isinstance(exponent, int):
        bits = base.bit_length() * max(exponent, 0)
        if bits > BITS and base not in (-1, 0, 1):
            raise TemplateLimitError("the template computes a number of more than 4,300 digits")


def check_deep(value: Any) -> None:
    """Refuse a container that holds too much."""
    if type(value) not in SCALARS:
        step(count_deep(value) >> 4)


def count_deep(value: Any) -> int:
    """Count all that a container holds; a container in two places counts twice, as it would when written.

    Raises:
        TemplateLimitError: as soon as it is too much.
    """
    total = 0
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            total += len(item)
            pending.extend(one for one in item.values() if type(one) not in SCALARS)
            pending.extend(one for one in item if type(one) is tuple)
        elif isinstance(item, list | tuple | set | frozenset):
            total += len(item)
            pending.extend(one for one in item if type(one) not in SCALARS)
        if total > ITEMS:
            check_items(total)
    return total
