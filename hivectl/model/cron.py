"""Whether a text is a time of cron: five fields as crontab(5) has them."""

from __future__ import annotations

import re

FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 7),
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(\*|[0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?(?:/([0-9]{1,2}))?")


def cron_fault(text: str) -> str | None:
    """Return what is wrong with the five fields of a cron time, None when nothing is."""
    fields = text.lower().split()
    if len(fields) != len(FIELDS):
        return f"a cron time has five fields (minute hour day month weekday), not {len(fields)}"
    for field, (name, lowest, highest) in zip(fields, FIELDS, strict=True):
        for part in field.split(","):
            if not _fits(part, name, lowest, highest):
                return f'"{part}" is no {name} of a cron time ({lowest} to {highest}, ranges a-b, steps */n)'
    return None


def _fits(part: str, name: str, lowest: int, highest: int) -> bool:
    found = _PART.fullmatch(part)
    if found is None or (found.group(1) == "*" and found.group(2)) or found.group(3) in {"0", "00"}:
        return False
    names = {"month": MONTHS, "day of the week": DAYS}.get(name, ())
    values = []
    for end in found.group(1, 2):
        if end is None or end == "*":
            continue
        if not end.isdigit() and end not in names:
            return False
        values.append(int(end) if end.isdigit() else names.index(end) + lowest)
    return all(lowest <= value <= highest for value in values) and values == sorted(values)
