"""Owners, people, health and time do whatever they like, in any order: the rules hold after each step."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

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
from hivectl.store.health import BELIEVED, NodeHealth
from hivectl.store.opening import open_store
from hivectl.store.reservations import StoredReservations
from tests.store.lab_model import One, overlaps, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.store.base import Store
    from tests.support.postgres import Server

NODES = ("m1", "m2", "m3", "m4")
# sums of whole seconds are exact, also as floats
BEGINNING = 2**30
DURATIONS = st.sampled_from([20, 45, 90, 600, 3600, 7200])
STEPS = st.sampled_from([1, 7, 31, 59, 60, 61, 130, 611, 3600])
nodes = st.lists(st.sampled_from(NODES), min_size=1, max_size=4, unique=True).map(tuple)
index = st.integers(0, 30)
GONE = (ReservationLostError, UnknownReservationError)


class Lab(RuleBasedStateMachine):
    """A lab of four nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000
        self.offset = BEGINNING  # of the wall clock
        self.boot, self.booted = "first", 0
        self.ones: dict[str, One] = {}
        self.quarantined: set[str] = set()
        self.offline: dict[str, float] = {}
        self.token = 0
        self.jumped = self.passed = False
        self.store = self.opened()
        self.store.now = self.clock  # type: ignore[method-assign, assignment]  # time itself cannot be moved
        self.desk = StoredReservations(self.store)
        self.health = NodeHealth(self.store)

    def opened(self) -> Store:
        self.folder = TemporaryDirectory()
        return open_store(str(Path(self.folder.name) / "lab.db"))

    def teardown(self) -> None:
        self.store.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def clock(self, _statements: object) -> Clock:
        return Clock(
            boot=self.boot, seconds=float(self.time - self.booted), wall=float(self.time + self.offset)
        )

    # -- the model

    def of(self, *states: str) -> list[One]:
        return [one for one in self.ones.values() if one.state in states]

    def believed(self) -> set[str]:
        return {node for node, seen in self.offline.items() if self.time - seen < BELIEVED}

    def places(
        self, wishes: Sequence[One], besides: Sequence[One] = ()
    ) -> dict[str, tuple[float, list[str]]]:
        return places(self.time, wishes, self.busy(besides=besides), self.quarantined, self.believed())

    def span(self, one: One) -> tuple[float, float]:
        if one.state == "booked":
            return (one.starts - self.offset, one.starts - self.offset + one.duration)
        return (self.time, one.ends)

    def busy(self, *, besides: Sequence[One] = ()) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for one in self.of("held", "booked"):
            if one not in besides:
                for node in one.nodes:
                    found.setdefault(node, []).append(self.span(one))
        return found

    def queue(self) -> list[One]:
        return sorted(self.of("waiting"), key=lambda one: one.rank)

    def competing(self, one: One) -> list[One]:
        """Return those who want what `one` wants, directly or through others, in their order."""
        reached, found = set(one.candidates), [one]
        while more := [
            other for other in self.queue() if other not in found and reached & set(other.candidates)
        ]:
            found += more
            reached.update(*(other.candidates for other in more))
        return sorted(found, key=lambda found: found.rank)

    # -- what the store says, against it

    def look(self) -> None:
        """Let the store do what is due, and hold what it says against what was and may be."""
        assert self.desk.look_up_now("nobody", "") is None
        with self.store.reading() as statements:
            rows = {
                str(row[0]): row[1:]
                for row in statements.execute("SELECT id, state, ends FROM reservation").fetchall()
            }
            live: dict[str, set[str]] = {}
            for node, identity in statements.execute("SELECT node, reservation FROM live").fetchall():
                live.setdefault(str(identity), set()).add(str(node))
            booked: dict[str, set[str]] = {}
            for node, identity in statements.execute("SELECT node, reservation FROM booked").fetchall():
                booked.setdefault(str(identity), set()).add(str(node))
            tokens = dict(statements.execute("SELECT node, token FROM fence").fetchall())
        assert set(live) <= set(rows)
        begun = []
        for one in list(self.ones.values()):
            if one.id not in rows:
                self.has_ended(one)
                continue
            state, ends = rows[one.id]
            assert self.time < one.expires, f"{one} has outlived its time"
            if state == "held" and one.state != "held":
                begun.append(one)
                self.has_begun(one, live[one.id], ends + self.booted)
            assert state == one.state
            assert live.get(one.id, set()) == (one.nodes if state == "held" else set())
            assert booked.get(one.id, set()) == (one.nodes if state == "booked" else set())
        assert set(rows) == set(self.ones), "nobody asked for that"
        self.nobody_is_delayed(begun)
        if begun:
            assert min(tokens[node] for one in begun for node in one.nodes) > self.token
        self.token = max(tokens.values(), default=0)
        held = self.desk.holders()
        assert {node: holder.reservation for node, holder in held.items()} == {
            node: one.id for one in self.of("held") for node in one.nodes
        }
        for one in self.of("booked"):
            clear = [
                self.span(other)
                for other in self.of("booked")
                if other is not one and other.nodes & one.nodes
            ]
            assert not any(overlaps(self.span(one), other) for other in clear), "booked twice"
        self.nobody_idles()
        self.passed = False

    def has_ended(self, one: One) -> None:
        over = one.expires
        if one.state == "booked":
            over = one.starts - self.offset + one.duration
        assert self.time >= over, f"{one} was lost"
        del self.ones[one.id]

    def has_begun(self, one: One, taken: set[str], ends: float) -> None:
        assert len(taken) == one.count
        assert taken <= set(one.candidates)
        assert not taken & self.quarantined, "it must not be granted"
        assert not (one.reachable and taken & self.believed())
        was_booked = one.state == "booked"
        assert one.state == "waiting" or self.time + self.offset >= one.starts
        assert self.time < ends <= self.time + one.duration
        for other in self.of("booked"):
            if other is not one and other.nodes & taken:
                assert not overlaps((self.time, ends), self.span(other)), "it would last into a booking"
        one.state, one.nodes, one.ends = "held", taken, ends
        # a booking's owner knows, another must be told, and has to live as when it waited
        one.known = was_booked
        if was_booked:
            one.sign = self.time

    def nobody_is_delayed(self, begun: Sequence[One]) -> None:
        """Those who wait must not begin later for what was given to those behind them."""
        for one in self.of("waiting"):
            behind = [other for other in begun if other.starts == math.inf and other.rank > one.rank]
            if not behind:
                continue
            ahead = [other for other in self.competing(one) if other.rank <= one.rank]
            before = self.places(ahead, behind)
            after = self.places(ahead)
            assert after[one.id][0] <= before[one.id][0], f"{behind} delay {one}"

    def nobody_idles(self) -> None:
        """What the first in the queue wants is not free, or it has it when it asks."""
        wanted: set[str] = set()
        for one in self.queue():
            if not wanted & set(one.candidates):
                start, _ = self.places([one])[one.id]
                if start <= self.time:
                    # time alone has made it free: it has it as soon as it asks, which it does all the time
                    assert self.passed, f"{one} could have its nodes"
                    found = self.desk.poll_now(one.id, one.key)
                    assert isinstance(found, Grant), f"{one} could have {self.busy()}"
                    self.look()
                    one.known = True
                    return
            wanted |= set(one.candidates)

    def pick(self, number: int, *states: str) -> One | None:
        among = self.of(*states)
        return among[number % len(among)] if among else None

    # -- what owners do

    @rule(wanted=nodes, count=st.integers(0, 3), duration=DURATIONS, process=st.booleans(),
          priority=st.sampled_from([1, 5, 5, 10]), wait=st.booleans(), reachable=st.booleans())  # fmt: skip
    def ask(
        self,
        wanted: tuple[str, ...],
        count: int,
        duration: int,
        *,
        process: bool,
        priority: int,
        wait: bool,
        reachable: bool,
    ) -> None:
        # no two come at the same moment
        self.time += 1
        self.passed = True
        self.look()
        number = min(count, len(wanted)) or len(wanted)
        one = One("\x7f", "", "waiting", wanted, number, duration, process, priority, self.time, self.time)
        one.reachable = reachable
        expected, _ = self.places(self.competing(one))[one.id]
        asked = Asked(
            nodes=wanted,
            count=number if count else None,
            duration=float(duration),
            time_to_live=60.0 if process else None,
            priority=priority,
            wait=wait,
            reachable=reachable,
        )
        try:
            found = self.desk.ask_now(asked)
        except (HeldError, UnavailableError, BookedError):
            assert not wait
            assert expected > self.time, "it was free"
            return
        one.id, one.key, one.created = found.reservation, found.key, self.time + self.offset
        self.ones[one.id] = one
        if isinstance(found, Grant):
            assert expected == self.time
            self.look()
            assert one.state == "held"
            assert set(found.tokens) == one.nodes
            one.known = True
        else:
            assert expected > self.time
            assert found.position == self.competing(one).index(one) + 1
        self.look()

    @rule(wanted=nodes, count=st.integers(1, 3), begin=STEPS, duration=DURATIONS)
    def book(self, wanted: tuple[str, ...], count: int, begin: int, duration: int) -> None:
        self.look()
        number = min(count, len(wanted))
        starts = float(self.time + self.offset + begin)
        one = One("", "", "booked", wanted, number, duration, process=False, priority=5, since=self.time,
                  sign=self.time, starts=starts)  # fmt: skip
        free = [
            node
            for node in wanted
            if node not in self.quarantined
            and not any(overlaps(self.span(one), span) for span in self.busy().get(node, ()))
        ]
        asked = Asked(nodes=wanted, count=number, duration=float(duration), time_to_live=None, at=starts)
        try:
            found = self.desk.ask_now(asked)
        except (HeldError, UnavailableError, BookedError):
            assert len(free) < number, "it was free then"
            return
        assert isinstance(found, Queued)
        assert list(found.nodes) == free[:number]
        one.id, one.key, one.nodes = found.reservation, found.key, set(found.nodes)
        self.ones[one.id] = one

    @rule(number=index)
    def poll(self, number: int) -> None:
        if one := self.pick(number, "waiting", "held", "booked"):
            self.see(one)
            self.look()

    @rule()
    def poll_all(self) -> None:
        for one in self.of("waiting"):
            self.see(one)
        self.look()

    def see(self, one: One) -> None:
        try:
            found = self.desk.poll_now(one.id, one.key)
        except GONE:
            return  # `look` judges whether it may be
        if self.time < one.expires and one.state != "booked":
            one.sign = self.time
        if isinstance(found, Grant):
            self.look()
            assert one.state == "held"
            assert set(found.tokens) == one.nodes
            one.known = True

    @rule(number=index)
    def renew(self, number: int) -> None:
        if one := self.pick(number, "held"):
            try:
                self.desk.renew_now(self.grant(one))
            except GONE:
                assert self.time >= one.expires
            else:
                assert self.time < one.expires
                # who renews knows
                one.sign, one.known = self.time, True
            self.look()

    def grant(self, one: One) -> Grant:
        return Grant(
            reservation=one.id,
            owner="",
            store="",
            tokens=dict.fromkeys(one.nodes, 1),
            time_to_live=60.0 if one.process else None,
            key=one.key,
        )

    @rule(number=index)
    def release(self, number: int) -> None:
        if one := self.pick(number, "held"):
            self.desk.release_now(self.grant(one))
            del self.ones[one.id]
            self.look()

    @rule(number=index, admin=st.booleans())
    def end(self, number: int, *, admin: bool) -> None:
        if one := self.pick(number, "held", "waiting", "booked"):
            with pytest.raises((NotYoursError, UnknownReservationError)):
                self.desk.end_now(one.id, "guess")
            try:
                self.desk.end_now(one.id, None if admin else one.key)
            except UnknownReservationError:
                pass  # `look` judges whether it may be
            else:
                del self.ones[one.id]
            self.look()

    @rule(number=index, seconds=DURATIONS)
    def prolong(self, number: int, seconds: int) -> None:
        self.look()
        one = self.pick(number, "held", "booked")
        if one is None:
            return
        start, end = self.span(one)
        longer = (end, end + seconds)
        busy = self.busy(besides=[*self.of("held"), one])
        clash = any(overlaps(longer, span) for node in one.nodes for span in busy.get(node, ()))
        try:
            self.desk.prolong_now(one.id, one.key, float(seconds))
        except BookedError:
            assert clash
        except TooLongError:
            assert end + seconds - start > 7 * 24 * 3600 - 200_000
        else:
            assert not clash
            if one.state == "held":
                one.ends += seconds
                one.sign, one.known = self.time, True
            one.duration += seconds
            one.prolonged = True
        self.look()

    @rule(number=index, node=st.sampled_from(NODES))
    def adopt(self, number: int, node: str) -> None:
        if one := self.pick(number, "held", "waiting", "booked"):
            try:
                found = self.desk.adopt_now(one.id, one.key, [node])
            except (HeldError, BookedError):
                self.look()
                assert node not in one.nodes
            except GONE:
                # what waits may begin by being looked at
                begun = one.state == "held"
                self.look()
                assert not begun or one.id not in self.ones
            else:
                self.look()
                assert one.state == "held"
                assert node in one.nodes
                assert set(found.tokens) == one.nodes
                one.known = True

    @rule(number=index, unfit=st.sampled_from(NODES), wait=st.booleans())
    def exchange(self, number: int, unfit: str, *, wait: bool) -> None:
        self.look()
        one = self.pick(number, "held")
        if one is None or one.starts < math.inf or one.prolonged:
            return
        bad = unfit if unfit in one.nodes else min(one.nodes)
        before, grant = set(one.nodes), self.grant(one)
        self.offline[bad] = self.time
        try:
            found = self.desk.exchange_now(grant, {bad: "no answer"}, wait=wait)
        except UnavailableError:
            assert not wait
            del self.ones[one.id]
        else:
            if isinstance(found, Grant):
                assert bad not in found.tokens
                assert before - {bad} < set(found.tokens)
                (other,) = set(found.tokens) - before
                assert other not in self.quarantined | self.believed()
                with self.store.reading() as statements:
                    boot, ends, by_the_wall = statements.execute(
                        "SELECT boot, ends, ends_wall FROM reservation WHERE id = ?", (one.id,)
                    ).fetchone()
                ends = ends + self.booted if boot == self.boot else by_the_wall - self.offset
                if ends != one.ends:
                    assert one.process
                    assert ends < one.ends
                    one.ends, one.sign = ends, self.time
                assert not any(overlaps((self.time, one.ends), span) for span in self.busy().get(other, ()))
                one.nodes = set(found.tokens)
                self.token = max(found.tokens.values()) - 1
                one.known = True
            else:
                assert wait
                one.state, one.nodes, one.ends, one.sign = "waiting", set(), math.inf, self.time
                one.reachable = True
        self.look()

    # -- health

    @rule(node=st.sampled_from(NODES))
    def quarantine(self, node: str) -> None:
        self.health.quarantine([node], "smells", "ann")
        self.quarantined.add(node)
        self.look()

    @rule(node=st.sampled_from(NODES))
    def lift(self, node: str) -> None:
        assert self.health.lift([node]) == ([node] if node in self.quarantined else [])
        self.quarantined.discard(node)
        self.offline.pop(node, None)
        self.look()

    @rule(node=st.sampled_from(NODES), well=st.booleans())
    def saw(self, node: str, *, well: bool) -> None:
        self.health.saw({node: ("healthy", "") if well else ("offline", "no route")})
        self.offline.pop(node, None)
        if not well:
            self.offline[node] = self.time
        self.look()

    # -- time

    @rule(seconds=STEPS)
    def pass_time(self, seconds: int) -> None:
        # nothing is looked at: whoever comes next meets what is over
        self.time += seconds
        self.passed = True

    @precondition(lambda self: self.boot == "first")
    @rule(seconds=st.sampled_from([-90_000, -3600, -61, 59, 3601, 90_000]))
    def set_the_wall_clock(self, seconds: int) -> None:
        self.look()
        self.offset += seconds
        self.jumped = self.passed = True

    @precondition(lambda self: not self.jumped and self.boot != "postgresql")
    @rule()
    def reboot(self) -> None:
        self.boot += "!"
        self.time += 30
        self.booted = self.time - 5
        self.passed = True


def run(machine: Any, *, examples: int, steps: int = 40) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_rules_hold_whatever_happens() -> None:
    run(Lab, examples=25)


@pytest.mark.soak
def test_the_rules_hold_whatever_happens_for_long() -> None:
    run(Lab, examples=2000, steps=60)


def on_postgresql(server: Server) -> type[Lab]:
    class PostgresLab(Lab):
        """The same, with the server's time, which is the wall clock's and goes on when controllers boot."""

        def opened(self) -> Store:
            self.boot = "postgresql"
            self.offset = 0
            return open_store(server.database())

    return PostgresLab


def test_the_rules_hold_on_postgresql(postgres: Server) -> None:
    run(on_postgresql(postgres), examples=4, steps=20)


@pytest.mark.soak
def test_the_rules_hold_on_postgresql_for_long(postgres: Server) -> None:
    run(on_postgresql(postgres), examples=200)
