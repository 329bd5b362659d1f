"""Times as people write them: `14:00`, `2026-11-22 14:00`, `+2h`, the next time of a cron line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hivectl.model.cron import DAYS, FIELDS, MONTHS
from hivectl.model.errors import InputError
from hivectl.model.scalars import UnfitError, to_duration

if TYPE_CHECKING:
    from datetime import tzinfo

CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
# a cron line without a match in this time has none: 29 February on a certain weekday comes within 28 years
FURTHEST = timedelta(days=28 * 366)


class TimeError(InputError):
    """A text is no time."""


def parse_time(text: str, now: datetime) -> datetime:
    """Return a time as people write it, in UTC.

    Args:
        text: `14:00` (today, or tomorrow where that is over), `2026-11-22 14:00`, both in the zone of `now` unless
            they say another (`2026-11-22T14:00Z`), or `+2h`, from now.
        now: this moment, in the zone of whoever writes.

    Raises:
        TimeError: it is none of these.
    """
    text = text.strip()
    if text.startswith("+"):
        try:
            return (now + timedelta(seconds=to_duration(text[1:]))).astimezone(UTC)
        except (UnfitError, OverflowError):
            raise _no_time(text) from None
    if found := CLOCK.fullmatch(text):
        time = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        return (time if time > now else time + timedelta(days=1)).astimezone(UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(text) from None
    return (time if time.tzinfo else time.replace(tzinfo=now.tzinfo)).astimezone(UTC)


def _no_time(text: str) -> TimeError:
    return TimeError(f"{text!r} is no time", hint="write 14:00, '2026-11-22 14:00', 2026-11-22T14:00Z or +2h")


def next_cron(text: str, after: datetime, zone: tzinfo) -> datetime:
    """Return the first time of a cron line after a moment, in UTC.

    Args:
        text: five fields as crontab(5) has them: days of the month and of the week are alternatives when both say
            something.
        after: the moment.
        zone: of the fields.

    Raises:
        TimeError: there is none.
    """
    minutes, hours, days, months, weekdays = _sets(text)
    any_day, any_weekday = (field == "*" for field in (text.split()[2], text.split()[4]))
    moment = after.astimezone(zone).replace(second=0, microsecond=0)
    end = moment + FURTHEST
    day = moment.replace(hour=0, minute=0)
    while day <= end:
        weekday = day.isoweekday() % 7
        on_day, on_weekday = day.day in days, weekday in weekdays
        fits = (on_day and on_weekday) if any_day or any_weekday else (on_day or on_weekday)
        if day.month in months and fits:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    # through UTC: a time that the change to summer leaves out becomes the one that stands there
                    time = day.replace(hour=hour, minute=minute).astimezone(UTC)
                    if time > after:
                        return time
        day = (day + timedelta(days=1)).replace(hour=0, minute=0)
    raise TimeError(f"the cron line {text!r} has no time ahead")


def _sets(text: str) -> list[set[int]]:
    """Return the values of each field."""
    found = []
    for field, (name, lowest, highest) in zip(text.lower().split(), FIELDS, strict=True):
        names = {"month": MONTHS, "day of the week": DAYS}.get(name, ())
        values: set[int] = set()
        for part in field.split(","):
            span, _, step = part.partition("/")
            first, dash, last = span.partition("-")
            if first == "*":
                begin, end = lowest, highest
            else:
                begin = int(first) if first.isdigit() else names.index(first) + lowest
                end = begin
                if dash:
                    end = int(last) if last.isdigit() else names.index(last) + lowest
                elif step:
                    end = highest
            values.update(range(begin, end + 1, int(step or 1)))
        found.append({value % 7 for value in values} if name == "day of the week" else values)
    return found
