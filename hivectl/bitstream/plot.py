"""Measured values as a picture: by circuit, and by board. SVG, written by hand: no library is needed to look at it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING
from xml.sax import saxutils

from hivectl.bitstream.files import natural
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hivectl.bitstream.evaluations import Evaluation

# Okabe and Ito's colours, which people who see fewer of them tell apart too; then again, with other shapes
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
# from a mark's middle; the first one is a circle: squares, lozenges, triangles
OUTLINES = (
    "",
    "m-3.2 -3.2h6.4v6.4h-6.4z",
    "m0 -4.4l4.4 4.4l-4.4 4.4l-4.4 -4.4z",
    "m0 -4l4 7h-8z",
    "m0 4l4 -7h-8z",
)
RING = ' stroke="#c00" stroke-width="2"'
HEIGHT, LEFT, TOP, BOTTOM, GAP, RIGHT = 300, 90, 50, 130, 110, 20
NARROWEST, WIDEST = 5.0, 60.0  # of a column
WIDTH = 900.0  # that a panel takes at most, if its columns may be so narrow
LABELS = 60  # names below an axis
DECADES = 2  # from so many on the axis is logarithmic


# what XML 1.0 cannot hold, however it is written
UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@record
class Scale:
    """Where a value stands.

    Attributes:
        place: value -> distance from the top.
        ticks: values to be marked.
    """

    place: Callable[[float], float]
    ticks: tuple[float, ...]


def plot(evaluations: Sequence[Evaluation]) -> str:
    """Return an SVG document with the values of all evaluations, once by circuit and once by board.

    Args:
        evaluations: failed ones are marked at the bottom.
    """
    names = list(dict.fromkeys(one.name for one in evaluations))
    boards = sorted({one.board for one in evaluations if one.board}, key=natural)
    values = [value for one in evaluations for value in one.values]
    scale = _scale(values)
    by_circuit, first = _panel(evaluations, names, lambda one: one.name, boards, scale, LEFT)
    by_board, second = _panel(evaluations, boards, lambda one: one.board, boards, scale, LEFT + first + GAP)
    width = LEFT + first + GAP + second + RIGHT
    height = TOP + HEIGHT + BOTTOM
    unit = evaluations[0].measure if evaluations else "values"
    failed = sum(1 for one in evaluations if one.error)
    title = f"{unit} of {_count(names, 'circuit')} on {_count(boards, 'board')}" + (
        f", {failed} failed" if failed else ""
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" font-family="sans-serif"',
        f' width="{width:.0f}" height="{height}" font-size="11">',
        f'<rect width="{width:.0f}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
        *_legend(boards, width, failed=failed > 0, unexpected=any(one.unexpected for one in evaluations)),
        *by_circuit,
        *by_board,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _scale(values: Sequence[float]) -> Scale:
    high = max(values, default=1.0) or 1.0
    low = min((value for value in values if value > 0), default=1.0)
    if high / low >= 10**DECADES:
        bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
        span = max(top - bottom, 1)

        def logarithmic(value: float) -> float:
            # zero has no place there: it stands at the bottom
            share = (math.log10(value) - bottom) / span if value > 0 else 0.0
            return TOP + HEIGHT * (1 - max(share, 0.0))

        return Scale(logarithmic, tuple(10.0**power for power in range(bottom, top + 1)))
    step = 10 ** math.floor(math.log10(high))
    step = next(part for part in (step / 5, step / 2, step, step * 2) if high / part <= 6)
    top_value = step * math.ceil(high / step)
    ticks = tuple(step * number for number in range(round(top_value / step) + 1))
    return Scale(lambda value: TOP + HEIGHT * (1 - value / top_value), ticks)


def _panel(
    evaluations: Sequence[Evaluation],
    columns: Sequence[str],
    column_of: Callable[[Evaluation], str],
    boards: Sequence[str],
    scale: Scale,
    left: float,
) -> tuple[list[str], float]:
    """Return a panel's parts and its width."""
    room = min(WIDEST, max(NARROWEST, WIDTH / max(len(columns), 1)))
    width = room * max(len(columns), 1)
    place = {name: left + room * (number + 0.5) for number, name in enumerate(columns)}
    parts = []
    for tick in scale.ticks:
        at = scale.place(tick)
        parts.append(f'<line x1="{left}" x2="{left + width:.1f}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:,.12g}</text>')
    every = max(1, math.ceil(len(columns) / LABELS))
    for name in columns[::every]:
        x, y = place[name], TOP + HEIGHT + 14
        parts.append(
            f'<text x="{x:.1f}" y="{y}" text-anchor="end" transform="rotate(-45 {x:.1f} {y})">'
            f"{escape(_short(name))}</text>"
        )
    for one in evaluations:
        if column_of(one) in place:
            parts += _mark(one, place[column_of(one)], boards, 0.0 if columns is boards else room, scale)
    return parts, width


def _mark(one: Evaluation, x: float, boards: Sequence[str], room: float, scale: Scale) -> list[str]:
    """Return the mark of one evaluation, each board's a little beside the others' where there is room."""
    told = f"{one.name} on {one.board or 'no board'}: "
    if one.value is None:
        return [_cross(x, TOP + HEIGHT, f"<title>{escape(told + one.error)}</title>")]
    number = boards.index(one.board) if one.board in boards else 0
    if len(boards) > 1:
        x += room * 0.6 * (number / (len(boards) - 1) - 0.5)
    colour = _colour(number)
    parts = []
    if len(one.values) > 1:
        top, bottom = scale.place(max(one.values)), scale.place(min(one.values))
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="{colour}"/>')
    ring = RING if one.unexpected else ""
    text = escape(f"{told}{one.value:,.12g}" + (f" ({one.unexpected})" if one.unexpected else ""))
    parts.append(
        _shape(number, x, scale.place(one.value), f'fill="{colour}"{ring}', f"<title>{text}</title>")
    )
    return parts


def _shape(number: int, x: float, y: float, paint: str, inside: str = "") -> str:
    """Return the sign of a board: as many shapes as it takes to tell boards of one colour apart."""
    outline = OUTLINES[number // len(COLOURS) % len(OUTLINES)]
    if not outline:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" {paint}>{inside}</circle>'
    return f'<path d="M{x:.1f} {y:.1f}{outline}" {paint}>{inside}</path>'


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _count(things: Sequence[str], what: str) -> str:
    return f"{len(things)} {what}" if len(things) == 1 else f"{len(things)} {what}s"


def _legend(boards: Sequence[str], width: float, *, failed: bool, unexpected: bool) -> list[str]:
    parts, x = [], float(LEFT)
    signs = [(board, number, f'fill="{_colour(number)}"') for number, board in enumerate(boards)]
    if unexpected:
        signs.insert(0, ("not as expected", 0, f'fill="white"{RING}'))
    if failed:
        parts += [_cross(x + 4, 38), f'<text x="{x + 12:.0f}" y="42">failed</text>']
        x += 64
    for name, number, paint in signs:
        room = 22 + 7 * len(name)
        if x + room > width:
            parts.append(f'<text x="{x:.0f}" y="42">…</text>')
            break
        parts += [_shape(number, x + 4, 38, paint), f'<text x="{x + 12:.0f}" y="42">{escape(name)}</text>']
        x += room
    return parts


def _cross(x: float, y: float, inside: str = "") -> str:
    return f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="#c00" stroke-width="2">{inside}</path>'


def _short(name: str) -> str:
    last = name.rpartition("/")[2]
    return last if len(last) <= 22 else last[:10] + "…" + last[-11:]


def clean(text: str) -> str:
    """Take out what XML cannot hold."""
    return UNFIT.sub("�", text)


def escape(text: str) -> str:
    """Return a text as XML has it."""
    return saxutils.escape(clean(text))
