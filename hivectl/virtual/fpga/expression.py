"""Look-up tables as few operations on bits."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from hivectl.virtual.fpga.tables import halves

if TYPE_CHECKING:
    from collections.abc import Callable

# a reference, or an operation on expressions; values are 0 and 1
Expression: TypeAlias = (
    'int | tuple[Literal["not"], Expression] | tuple[Literal["and", "or", "xor"], Expression, Expression]'
)
Part: TypeAlias = "Callable[[int], tuple[int, Expression]]"


def of_table(inputs: tuple[int, ...], bits: int) -> Expression:
    """Return an expression of the inputs' references; constants are references 0 and 1."""
    return _named(_best(bits, len(inputs))[1], inputs)


def _named(expression: Expression, inputs: tuple[int, ...]) -> Expression:
    """Put references in the place of positions, which are counted from 2."""
    if isinstance(expression, int):
        return inputs[expression - 2] if expression >= 2 else expression
    if len(expression) == 2:
        return ("not", _named(expression[1], inputs))
    return (expression[0], _named(expression[1], inputs), _named(expression[2], inputs))


@cache
def _best(bits: int, count: int) -> tuple[int, Expression]:
    """Return the number of operations, and an expression of positions."""
    full = (1 << (1 << count)) - 1
    if bits in (0, full):
        return 0, int(bits == full)
    found: list[tuple[int, Expression]] = []
    for index in range(count):
        low, high = halves(bits, count, index)
        own = (1 << (1 << (count - 1))) - 1
        rest = [one for one in range(count) if one != index]
        position = index + 2

        def part(bits: int, rest: list[int] = rest) -> tuple[int, Expression]:
            cost, expression = _best(bits, count - 1)
            return cost, _named(expression, tuple(one + 2 for one in rest))

        if low == high:
            return part(low)
        found += _forms(position, low, high, own, part)
    return min(found, key=lambda one: one[0])


def _forms(position: int, low: int, high: int, own: int, part: Part) -> list[tuple[int, Expression]]:
    """Return ways to write a table by one of its inputs, whose halves are `low` and `high`."""
    if high == own ^ low and low in (0, own):
        return [(1, ("not", position))] if low else [(0, position)]
    if high == own ^ low:
        shorter, turned = low, False
        operation: Literal["and", "or", "xor"] = "xor"
    elif 0 in (low, high):
        shorter, operation, turned = low | high, "and", high == 0
    elif own in (low, high):
        shorter, operation, turned = low & high, "or", low == own
    else:
        (cost, one), (more, difference) = part(low), part(low ^ high)
        return [(cost + more + 2, ("xor", one, ("and", position, difference)))]
    cost, one = part(shorter)
    own_level: Expression = ("not", position) if turned else position
    return [(cost + 1 + turned, (operation, own_level, one))]


def select(condition: Expression, then: Expression, otherwise: Expression) -> Expression:
    """Return `then` where the condition is 1, else `otherwise`."""
    if condition == 1:
        return then
    if condition == 0:
        return otherwise
    return ("xor", otherwise, ("and", condition, ("xor", otherwise, then)))
