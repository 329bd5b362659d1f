from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hivectl.reservations.base import HeldError, Holder
from hivectl.reservations.rules import Clock, Lease, is_over, next_token, remaining

seconds = st.floats(0, 1e9, allow_nan=False)
shift = st.floats(-1e8, 1e8, allow_nan=False)


def lease(expires: float, expires_wall: float, boot: str = "b1") -> Lease:
    return Lease(
        reservation="r1",
        host="bench",
        process=(7, 100),
        boot=boot,
        expires=expires,
        expires_wall=expires_wall,
    )


@given(seconds, seconds, shift)
def test_within_one_boot_no_change_of_the_wall_clock_matters(now: float, expires: float, jump: float) -> None:
    one = lease(expires, 5.0)
    calm = Clock(boot="b1", seconds=now, wall=1000.0)
    shifted = Clock(boot="b1", seconds=now, wall=1000.0 + jump)
    assert remaining(one, calm) == remaining(one, shifted) == expires - now
    assert is_over(one, shifted, owner_is_gone=False) == (expires <= now)


@given(seconds, seconds, seconds)
def test_after_a_reboot_the_wall_clock_decides(now: float, wall: float, expires_wall: float) -> None:
    one = lease(1e12, expires_wall)
    later = Clock(boot="b2", seconds=now, wall=wall)
    assert is_over(one, later, owner_is_gone=False) == (expires_wall <= wall)


@given(seconds, seconds, st.sampled_from(["b1", "b2"]))
def test_a_lease_ends_with_its_owner(now: float, expires: float, boot: str) -> None:
    assert is_over(lease(expires, expires), Clock(boot=boot, seconds=now, wall=now), owner_is_gone=True)


@given(seconds, st.lists(st.floats(0, 100, allow_nan=False), min_size=2))
def test_what_is_over_stays_over(expires: float, steps: list[float]) -> None:
    one = lease(expires, expires)
    now, over = 0.0, False
    for step in steps:
        now += step
        is_now = is_over(one, Clock(boot="b1", seconds=now, wall=now), owner_is_gone=False)
        assert is_now or not over
        over = is_now


@given(st.lists(st.integers(1, 10**12), max_size=20))
def test_tokens_only_grow(earlier: list[int]) -> None:
    token = next_token(max(earlier, default=None))
    assert all(token > one for one in earlier)
    assert token >= 1


def test_who_holds_what_is_said() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    holders = [
        Holder(
            node=f"m{number}",
            reservation="r1",
            owner="ann@bench",
            pid=7,
            reason="site.yml",
            since=now,
            expires=now,
        )
        for number in range(12)
    ]
    error = HeldError(holders)
    assert "m8, m9 are held by ann@bench (pid 7: site.yml) until 2026-01-02 03:04 UTC" in str(error)
    assert "and 2 more" in str(error)
    assert "--wait" in str(error)
    assert error.holders == tuple(holders)
