"""Reservations as people and pipelines have them: for a time, in a queue, booked, by token; on both databases."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.errors import InputError
from hivectl.reservations.base import (
    Asked,
    BookedError,
    Grant,
    HeldError,
    NotYoursError,
    Queued,
    ReservationLostError,
    TooLongError,
    UnavailableError,
    UnknownReservationError,
)
from hivectl.reservations.rules import Clock
from hivectl.reservations.schedule import AGEING
from hivectl.store.health import NodeHealth
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from hivectl.store.base import Store

NODES = ("m1", "m2", "m3")
HOUR = 3600.0


class Desk(StoredReservations):
    """The lab's reservations at a time that the test moves."""

    def __init__(self, store: Store, **options: Any) -> None:
        super().__init__(store, **options)
        self.ahead = 0.0
        original = store.now

        def later(statements: Any) -> Clock:
            now = original(statements)
            return Clock(boot=now.boot, seconds=now.seconds + self.ahead, wall=now.wall + self.ahead)

        store.now = later  # type: ignore[method-assign]  # time itself cannot be moved

    def hold(self, *nodes: str, **more: Any) -> Grant:
        found = self.ask_now(Asked(**{"nodes": nodes, "duration": HOUR, "time_to_live": None, **more}))
        assert isinstance(found, Grant)
        return found

    def queue(self, *nodes: str, **more: Any) -> Queued:
        found = self.ask_now(
            Asked(**{"nodes": nodes, "duration": HOUR, "time_to_live": None, "wait": True, **more})
        )
        assert isinstance(found, Queued)
        return found

    def see(self, one: Queued | Grant) -> Queued | Grant:
        return self.poll_now(one.reservation, one.key)

    def nodes_of(self, one: Queued | Grant) -> set[str]:
        found = self.see(one)
        return set(found.tokens) if isinstance(found, Grant) else set()


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_some_of_many_are_granted_in_their_order(desk: Desk) -> None:
    first = desk.hold(*NODES, count=2)
    assert set(first.tokens) == {"m1", "m2"}
    with pytest.raises(HeldError, match=r"m1.* (is|are) held by"):
        desk.hold(*NODES, count=2)
    assert set(desk.hold(*NODES, count=1).tokens) == {"m3"}


def test_a_reservation_for_a_time_needs_no_process_and_ends(desk: Desk) -> None:
    desk.hold("m1", duration=600.0)
    desk.ahead = 599
    assert set(desk.holders()) == {"m1"}
    desk.ahead = 601
    assert not desk.holders()
    desk.hold("m1")


def test_a_process_that_gives_no_sign_frees_its_nodes_within_a_minute(desk: Desk) -> None:
    grant = desk.hold("m1", time_to_live=60.0, duration=None)
    desk.ahead = 59
    desk.renew_now(grant)
    desk.ahead = 110
    assert set(desk.holders()) == {"m1"}
    desk.ahead = 120
    assert not desk.holders()
    with pytest.raises(ReservationLostError):
        desk.renew_now(grant)


def test_the_time_of_a_process_has_a_ceiling(desk: Desk) -> None:
    grant = desk.hold("m1", time_to_live=60.0, duration=90.0)
    desk.ahead = 50
    desk.renew_now(grant)
    desk.ahead = 91
    assert not desk.holders()


def test_who_waits_is_served_in_order_when_nodes_come_back(desk: Desk) -> None:
    holder = desk.hold("m1", "m2")
    first, second = desk.queue("m1"), desk.queue("m1", "m2")
    assert (first.position, second.position) == (1, 2)
    assert {one.node for one in second.holders} == {"m1", "m2"}
    desk.release_now(holder)
    assert desk.nodes_of(first) == {"m1"}
    waiting = desk.see(second)
    assert isinstance(waiting, Queued)
    assert waiting.position == 1
    granted = desk.see(first)
    assert isinstance(granted, Grant)
    desk.release_now(granted)
    assert desk.nodes_of(second) == {"m1", "m2"}


def test_priority_goes_first_and_waiting_is_worth_priority(desk: Desk) -> None:
    holder = desk.hold("m1")
    old, urgent = desk.queue("m1", priority=5), desk.queue("m1", priority=8)
    assert desk.see(urgent).position == 1  # type: ignore[union-attr]  # it waits
    desk.ahead = 30.0
    fresh = desk.queue("m1", priority=10)
    assert desk.see(fresh).position == 1  # type: ignore[union-attr]
    for _ in range(2):  # they keep asking
        desk.see(old)
    desk.release_now(holder)
    assert desk.nodes_of(fresh) == {"m1"}
    assert not desk.nodes_of(old)


def test_nobody_starves(desk: Desk) -> None:
    holder = desk.hold("m1", duration=6 * HOUR)
    old = desk.queue("m1", priority=1)
    for step in range(int(9 * AGEING / 50) + 1):
        desk.ahead = step * 50.0
        desk.see(old)
    newcomer = desk.queue("m1", priority=10)
    assert desk.see(old).position == 1  # type: ignore[union-attr]
    desk.release_now(holder)
    assert desk.nodes_of(old) == {"m1"}
    assert not desk.nodes_of(newcomer)


def test_who_comes_behind_may_overtake_only_who_is_not_delayed(desk: Desk) -> None:
    desk.hold("m1", duration=HOUR)
    both = desk.queue("m1", "m2", duration=HOUR)
    assert both.starts is not None
    # m2 is free for an hour, until `both` begins
    with pytest.raises(BookedError, match="waited"):
        desk.hold("m2", duration=2 * HOUR)
    short = desk.hold("m2", duration=HOUR / 2)
    assert set(short.tokens) == {"m2"}
    desk.hold("m3", duration=5 * HOUR)


def test_when_it_will_be_free_is_told(desk: Desk) -> None:
    holder = desk.hold("m1", duration=HOUR)
    first = desk.queue("m1", duration=HOUR / 2)
    second = desk.queue("m1")
    assert holder.ends is not None
    assert first.starts is not None
    assert second.starts is not None
    assert abs((first.starts - holder.ends).total_seconds()) < 1
    assert abs((second.starts - first.starts).total_seconds() - HOUR / 2) < 1


def test_who_hears_late_that_it_is_granted_has_its_whole_time_to_live(desk: Desk) -> None:
    first = desk.hold("m1")
    second = desk.queue("m1", time_to_live=60.0, duration=None)
    desk.release_now(first)
    desk.ahead = 50
    granted = desk.see(second)
    assert isinstance(granted, Grant)
    desk.ahead = 100
    desk.renew_now(granted)


def test_a_node_that_is_back_goes_to_who_waits_for_it(desk: Desk, store: Store) -> None:
    health = NodeHealth(store)
    health.saw({"m1": ("offline", "no route")})
    waiting = desk.queue("m1")
    health.saw({"m1": ("healthy", "")})
    assert {node: one.reservation for node, one in desk.holders().items()} == {"m1": waiting.reservation}


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_what_was_seen_offline_is_believed_for_two_minutes_whatever_the_wall_clock_says(
    desk: Desk, store: Store, jump: float
) -> None:
    NodeHealth(store).saw({"m1": ("offline", "no route")})
    before = store.now

    def jumped(statements: Any) -> Clock:
        now = before(statements)
        return Clock(boot=now.boot, seconds=now.seconds, wall=now.wall + jump)

    store.now = jumped  # type: ignore[method-assign]  # time itself cannot be moved
    desk.ahead = 119
    with pytest.raises(UnavailableError, match="m1 is offline: no route"):
        desk.hold("m1")
    desk.ahead = 121
    desk.hold("m1")


def test_who_waits_no_more_is_forgotten(desk: Desk) -> None:
    holder = desk.hold("m1")
    gone, here = desk.queue("m1"), desk.queue("m1")
    desk.ahead = 50
    desk.see(here)
    desk.ahead = 70
    assert desk.see(here).position == 1  # type: ignore[union-attr]
    with pytest.raises(ReservationLostError):
        desk.see(gone)
    desk.withdraw_now(here)
    desk.withdraw_now(here)
    desk.release_now(holder)
    assert not desk.holders()


def booked(desk: Desk, *nodes: str, begin: float, seconds: float = HOUR, **more: Any) -> Queued:
    found = desk.ask_now(
        Asked(nodes=nodes, duration=seconds, time_to_live=None, at=time.time() + desk.ahead + begin, **more)
    )
    assert isinstance(found, Queued)
    return found


def test_a_booking_begins_at_its_time_for_its_time(desk: Desk) -> None:
    booking = booked(desk, *NODES, begin=HOUR, count=2)
    assert set(booking.nodes) == {"m1", "m2"}
    assert not desk.holders()
    desk.ahead = HOUR + 1
    assert desk.nodes_of(booking) == {"m1", "m2"}
    assert set(desk.holders()) == {"m1", "m2"}
    desk.ahead = 2 * HOUR + 1
    desk.hold(*NODES)


def test_nothing_that_would_last_into_a_booking_is_granted(desk: Desk) -> None:
    booking = booked(desk, "m1", begin=HOUR)
    with pytest.raises(BookedError, match=f"m1 is booked from .*{booking.reservation}"):
        desk.hold("m1", duration=2 * HOUR)
    # a process takes what there is, and knows when it ends
    run = desk.hold("m1", time_to_live=60.0, duration=None)
    assert run.ends is not None
    assert booking.starts is not None
    assert abs((run.ends - booking.starts).total_seconds()) < 1
    desk.release_now(run)
    with pytest.raises(BookedError, match="booked already"):
        booked(desk, "m1", begin=HOUR / 2)
    booked(desk, "m1", begin=2 * HOUR + 1)


def test_what_is_held_for_longer_cannot_be_booked(desk: Desk) -> None:
    desk.hold("m1", duration=2 * HOUR)
    with pytest.raises(HeldError, match="m1"):
        booked(desk, "m1", begin=HOUR)
    booked(desk, "m1", begin=2 * HOUR + 5)


def test_extension_ends_where_a_booking_begins(desk: Desk) -> None:
    grant = desk.hold("m1", duration=HOUR)
    longer = desk.prolong_now(grant.reservation, grant.key, HOUR)
    assert grant.ends is not None
    assert longer.ends is not None
    assert abs((longer.ends - grant.ends).total_seconds() - HOUR) < 1
    booked(desk, "m1", begin=3 * HOUR)
    with pytest.raises(BookedError, match="booked by somebody else"):
        desk.prolong_now(grant.reservation, grant.key, 2 * HOUR)
    desk.prolong_now(grant.reservation, grant.key, HOUR / 2)


def test_a_booking_of_a_node_that_went_bad_takes_another(desk: Desk, store: Store) -> None:
    booking = booked(desk, *NODES, begin=HOUR, count=1)
    assert booking.nodes == ("m1",)
    NodeHealth(store).quarantine(["m1"], "smells", "ann")
    desk.ahead = HOUR + 1
    assert desk.nodes_of(booking) == {"m2"}


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        ({"duration": -5.0}, InputError, "lasts longer than -5 s"),
        ({"duration": float("inf")}, InputError, "lasts longer than inf"),
        ({"duration": float("nan")}, InputError, "lasts longer than nan"),
        ({"duration": 8 * 24 * HOUR}, TooLongError, "more than the 7 d"),
        ({"duration": None}, InputError, "needs a time"),
        ({"count": 4}, InputError, "4 of 3 nodes"),
        ({"nodes": ()}, InputError, "no node"),
        ({"priority": 11}, InputError, "from 1 to 10"),
        ({"at": 5.0}, InputError, "is over"),
        ({"at": 1e12}, InputError, "within a year"),
    ],
)
def test_what_nobody_could_grant_is_told(
    asked: dict[str, Any], error: type[Exception], told: str, desk: Desk
) -> None:
    with pytest.raises(error, match=told):
        desk.hold(**{"nodes": NODES, **asked})
    assert not desk.holders()
    assert not desk.waiting()


def test_only_the_token_ends_prolongs_and_uses_a_reservation(desk: Desk) -> None:
    grant = desk.hold("m1")
    for forbidden in (
        lambda: desk.end_now(grant.reservation, "guess"),
        lambda: desk.prolong_now(grant.reservation, "guess", 60.0),
        lambda: desk.adopt_now(grant.reservation, "guess"),
        lambda: desk.poll_now(grant.reservation, "guess"),
    ):
        with pytest.raises(NotYoursError, match="not its token"):
            forbidden()
    # a release with another's token gives nothing back
    desk.release_now(
        Grant(reservation=grant.reservation, owner="", store="", tokens={}, time_to_live=None, key="x")
    )
    assert set(desk.holders()) == {"m1"}
    adopted = desk.adopt_now(grant.reservation, grant.key, ["m1"])
    assert adopted.tokens == grant.tokens
    with pytest.raises(BookedError, match="does not hold m2"):
        desk.adopt_now(grant.reservation, grant.key, ["m1", "m2"])
    assert desk.end_now(grant.reservation, grant.key) == ("m1",)
    with pytest.raises(UnknownReservationError):
        desk.end_now(grant.reservation, grant.key)


def test_the_token_is_nowhere_in_the_store(desk: Desk, store: Store) -> None:
    grant = desk.hold("m1")
    with store.reading() as statements:
        rows = statements.execute("SELECT * FROM reservation").fetchall()
    assert grant.key not in repr(rows)
    assert len(grant.key) >= 32


def test_an_admin_ends_what_is_anothers(desk: Desk) -> None:
    grant = desk.hold("m1")
    assert desk.end_now(grant.reservation, None) == ("m1",)
    with pytest.raises(ReservationLostError):
        desk.renew_now(grant)


def test_what_is_quarantined_or_offline_is_never_granted(desk: Desk, store: Store) -> None:
    health = NodeHealth(store)
    health.quarantine(["m1"], "lens cracked", "ann@bench")
    health.saw({"m2": ("offline", "no route")})
    with pytest.raises(
        UnavailableError, match=r"m1 is quarantined by ann@bench: lens cracked, m2 is offline: no route"
    ):
        desk.hold(*NODES)
    assert set(desk.hold(*NODES, count=1).tokens) == {"m3"}
    waiting = desk.queue(*NODES, count=1)
    assert health.lift(["m1"]) == ["m1"]
    assert desk.nodes_of(waiting) == {"m1"}
    # nobody has looked for a while: it may be tried again
    desk.ahead = 600
    assert set(desk.hold("m2").tokens) == {"m2"}


def test_a_node_that_turns_out_to_be_offline_is_exchanged(desk: Desk) -> None:
    grant = desk.hold(*NODES, count=2)
    other = desk.exchange_now(grant, {"m1": "no route"}, wait=False)
    assert isinstance(other, Grant)
    assert set(other.tokens) == {"m2", "m3"}
    with pytest.raises(UnavailableError, match="m2 is offline: gone"):
        desk.exchange_now(other, {"m2": "gone"}, wait=False)
    assert not desk.holders()
    assert set(desk.hold("m3").tokens) == {"m3"}


def test_what_a_holder_has_soiled_the_next_one_knows(desk: Desk, store: Store) -> None:
    first = desk.hold("m1", cleanup=True, duration=60.0)
    assert not first.dirty
    desk.ahead = 61
    second = desk.hold("m1")
    assert second.dirty == {"m1"}
    NodeHealth(store).cleaned(["m1"])
    assert not desk.adopt_now(second.reservation, second.key).dirty


def test_fencing_tokens_grow_with_each_grant(desk: Desk) -> None:
    seen = []
    for _ in range(3):
        grant = desk.hold("m1", "m2")
        seen += list(grant.tokens.values())
        desk.release_now(grant)
    assert seen == sorted(seen)
    assert len(set(seen)) == 3


def test_many_who_wait_for_the_same_do_not_keep_others_waiting(desk: Desk) -> None:
    desk.hold("m1")
    for _ in range(40):
        desk.queue("m1")
    assert set(desk.hold("m2", "m3").tokens) == {"m2", "m3"}


def test_who_stood_behind_somebody_who_goes_is_served_at_once(desk: Desk) -> None:
    desk.hold("m1", duration=HOUR)
    both, long = desk.queue("m1", "m2"), desk.queue("m2", duration=2 * HOUR)
    assert not desk.nodes_of(long)
    desk.withdraw_now(both)
    assert set(desk.holders()) == {"m1", "m2"}
    assert desk.nodes_of(long) == {"m2"}


def test_giving_back_meets_what_is_over(desk: Desk) -> None:
    desk.hold("m1", duration=30.0)
    other = desk.hold("m2", duration=HOUR)
    both = desk.queue("m1", "m2")
    desk.ahead = 31
    desk.release_now(other)
    assert desk.nodes_of(both) == {"m1", "m2"}


def test_a_booking_whose_nodes_come_late_has_them_as_soon_as_they_come(desk: Desk, store: Store) -> None:
    booking, following = booked(desk, "m1", begin=HOUR), booked(desk, "m1", begin=2 * HOUR)
    NodeHealth(store).quarantine(["m1"], "smells", "ann")
    desk.ahead = HOUR + 10
    assert not desk.nodes_of(booking)
    waiting = desk.queue("m1", duration=60.0)
    NodeHealth(store).lift(["m1"])
    granted = desk.see(booking)
    assert isinstance(granted, Grant)
    assert granted.ends is not None
    assert following.starts is not None
    assert abs((granted.ends - following.starts).total_seconds()) < 1
    assert not desk.nodes_of(waiting)


def test_who_died_while_waiting_keeps_nothing_for_long(desk: Desk) -> None:
    holder = desk.hold("m1")
    gone = desk.queue("m1", duration=5 * HOUR)
    desk.ahead = 50
    desk.release_now(holder)
    assert set(desk.holders()) == {"m1"}
    desk.ahead = 61
    assert not desk.holders()
    holder, here = desk.hold("m1"), desk.queue("m1", duration=5 * HOUR)
    desk.release_now(holder)
    assert desk.nodes_of(here) == {"m1"}
    desk.ahead = 3 * HOUR
    assert desk.nodes_of(here) == {"m1"}
    with pytest.raises(ReservationLostError):
        desk.see(gone)
