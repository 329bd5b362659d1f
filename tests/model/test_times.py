from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.model.times import TimeError, next_cron, parse_time

NOW = datetime(2026, 11, 21, 16, 30, 20, tzinfo=UTC)
ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("17:00", "2026-11-21 17:00"),
        ("16:30", "2026-11-22 16:30"),
        ("9:05", "2026-11-22 09:05"),
        ("2026-11-22 14:00", "2026-11-22 14:00"),
        ("2026-11-22T14:00+01:00", "2026-11-22 13:00"),
        ("2026-11-22", "2026-11-22 00:00"),
    ],
)
def test_times_as_people_write_them(text: str, time: str) -> None:
    assert parse_time(text, NOW) == datetime.fromisoformat(time).replace(tzinfo=UTC)
    assert parse_time("+90m", NOW) == NOW + timedelta(minutes=90)


def test_a_clock_time_is_of_the_writers_zone() -> None:
    assert parse_time("18:00", NOW.astimezone(ZURICH)) == datetime(2026, 11, 21, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "25:00", "noon", "+", "+2 weeks ago", "2026-13-01", "+99999999999999d"])
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(TimeError, match="is no time"):
        parse_time(text, NOW)


@pytest.mark.parametrize(
    ("line", "zone", "time"),
    [
        ("0 2 * * *", UTC, "2026-11-22 02:00"),
        ("0 2 * * *", ZURICH, "2026-11-22 01:00"),
        ("*/7 9-17 * * mon-fri", UTC, "2026-11-23 09:00"),
        ("0 0 29 feb *", UTC, "2028-02-29 00:00"),
        ("30 16 * * *", UTC, "2026-11-22 16:30"),
        # the day of the month or the day of the week, where both say something (crontab(5))
        ("0 0 1 * sun", UTC, "2026-11-22 00:00"),
        ("0 0 * * 7", UTC, "2026-11-22 00:00"),
        ("5/20 * * * *", UTC, "2026-11-21 16:45"),
    ],
)
def test_the_next_time_of_a_cron_line(line: str, zone: ZoneInfo, time: str) -> None:
    assert next_cron(line, NOW, zone) == datetime.fromisoformat(time).replace(tzinfo=UTC)


def test_a_line_without_a_time_is_told() -> None:
    with pytest.raises(TimeError, match="no time ahead"):
        next_cron("0 0 30 feb *", NOW, UTC)


@given(
    st.integers(1_735_689_600, 1_893_456_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.sampled_from(["0 2 * * *", "*/15 * * * *", "30 3 1 * *", "0 12 * * mon"]),
    st.sampled_from([UTC, ZURICH]),
)
def test_the_next_time_is_ahead_and_none_is_left_out(after: datetime, line: str, zone: ZoneInfo) -> None:
    first = next_cron(line, after, zone)
    assert first > after
    # whoever asks a minute before it gets the same
    assert next_cron(line, max(after, first - timedelta(minutes=1)), zone) == first
