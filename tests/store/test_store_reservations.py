from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hivectl.reservations.base import Asked, Grant, HeldError, Queued, ReservationLostError
from hivectl.store import reservations as module
from hivectl.store.database import Database, open_database
from hivectl.store.process import now, process_start
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "lab.db")
    yield opened
    opened.close()


def take(database: Database, *nodes: str, seconds: float = 60.0) -> Grant:
    return asyncio.run(StoredReservations(database).take(nodes, reason="a test", time_to_live=seconds))


def release(database: Database, grant: Grant) -> None:
    asyncio.run(StoredReservations(database).release(grant))


def held(database: Database) -> set[str]:
    return set(StoredReservations(database).holders())


def test_all_or_nothing(database: Database) -> None:
    first = take(database, "m1", "m2")
    with pytest.raises(HeldError, match=r"m2 is held by .*@.* \(pid \d+: a test\)") as caught:
        take(database, "m3", "m2")
    assert [holder.node for holder in caught.value.holders] == ["m2"]
    assert held(database) == {"m1", "m2"}
    release(database, first)
    release(database, first)
    assert held(database) == set()
    take(database, "m3", "m2", "m3")
    assert held(database) == {"m2", "m3"}


def test_tokens_grow_over_the_whole_lab(database: Database) -> None:
    seen: list[int] = []
    for nodes in (["m1"], ["m2", "m1"], ["m3"], ["m1"]):
        grant = take(database, *nodes)
        assert set(grant.tokens) == set(nodes)
        assert len(set(grant.tokens.values())) == 1
        seen.append(grant.tokens[nodes[0]])
        release(database, grant)
    assert seen == sorted(set(seen))


def test_what_ran_out_is_free(database: Database) -> None:
    old = take(database, "m1", seconds=0.0)
    assert held(database) == set()
    take(database, "m1")
    with pytest.raises(ReservationLostError, match="hivectl status"):
        asyncio.run(StoredReservations(database).renew(old))
    # giving back what is gone takes nothing from the one who has it now
    release(database, old)
    assert held(database) == {"m1"}


def test_renewing_prolongs(database: Database) -> None:
    grant = take(database, "m1", seconds=60.0)
    before = StoredReservations(database).holders()["m1"].expires
    asyncio.run(StoredReservations(database).renew(grant))
    assert StoredReservations(database).holders()["m1"].expires > before


def test_more_nodes_for_the_same_reservation(database: Database) -> None:
    grant = take(database, "m1")
    other = take(database, "m2")
    release(database, other)
    more = asyncio.run(StoredReservations(database).extend(grant, ["m2", "m1"]))
    assert more.reservation == grant.reservation
    assert set(more.tokens) == {"m1", "m2"}
    assert min(more.tokens.values()) > max(other.tokens["m2"], grant.tokens["m1"])
    foreign = take(database, "m3")
    with pytest.raises(HeldError, match="m3 is held"):
        asyncio.run(StoredReservations(database).extend(more, ["m4", "m3"]))
    assert held(database) == {"m1", "m2", "m3"}
    release(database, more)
    with pytest.raises(ReservationLostError):
        asyncio.run(StoredReservations(database).extend(more, ["m4"]))
    release(database, foreign)


def test_many_nodes_at_once(database: Database) -> None:
    nodes = [f"m{number}" for number in range(2500)]
    grant = take(database, *nodes)
    assert len(StoredReservations(database).holders(nodes)) == 2500
    release(database, grant)


def test_a_dead_owners_nodes_are_free_at_once(database: Database) -> None:
    script = (
        "import asyncio, sys, pathlib\n"
        "from hivectl.store.database import open_database\n"
        "from hivectl.store.reservations import StoredReservations\n"
        "database = open_database(pathlib.Path(sys.argv[1]))\n"
        "asyncio.run(StoredReservations(database).take(['m1'], reason='theirs', time_to_live=600.0))\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(database.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(HeldError, match=f"pid {child.pid}: theirs"):
        take(database, "m1")
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert child.stdin is not None
    child.stdin.close()
    take(database, "m1")


def test_who_has_died_while_waiting_is_passed_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reservations = StoredReservations(database)
    holder = take(database, "m1")
    with monkeypatch.context() as patch:
        patch.setattr(module, "own_start", lambda _pid: 1)
        reservations.ask_now(Asked(nodes=("m1",), wait=True))
    living = reservations.ask_now(Asked(nodes=("m1",), wait=True))
    assert isinstance(living, Queued)
    assert living.position == 2
    release(database, holder)
    assert reservations.holders()["m1"].reservation == living.reservation
    assert not reservations.waiting()


def test_another_hosts_process_is_not_looked_for_here(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "own_start", lambda _pid: 1)
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    take(database, "m1")
    monkeypatch.undo()
    assert held(database) == {"m1"}


def test_a_pid_that_was_given_again_is_another_process(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = process_start(os.getpid())
    assert start is not None
    monkeypatch.setattr(module, "own_start", lambda _pid: start - 5)
    take(database, "m1")
    monkeypatch.undo()
    assert held(database) == set()


def test_a_process_that_has_ended_has_no_start() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert process_start(child.pid) is None
    assert now().boot


RACER = """\
import asyncio, json, pathlib, random, sys, time
from hivectl.reservations.base import HeldError
from hivectl.store.database import open_database
from hivectl.store.reservations import StoredReservations

async def race(path, seed):
    reservations = StoredReservations(open_database(pathlib.Path(path)))
    chance = random.Random(seed)
    granted = refused = 0
    while granted < 25:
        nodes = chance.sample(["m1", "m2", "m3", "m4"], chance.randint(1, 3))
        try:
            grant = await reservations.take(nodes, reason="race", time_to_live=60.0)
        except HeldError:
            refused += 1
            await asyncio.sleep(chance.random() / 500)
            continue
        granted += 1
        marks = []
        for node, token in grant.tokens.items():
            # exclusive: there must be nobody else's mark
            mark = pathlib.Path(path).with_name(node)
            mark.touch(exist_ok=False)
            marks.append(mark)
            print(json.dumps([node, token]), flush=True)
        await asyncio.sleep(chance.random() / 500)
        for mark in marks:
            mark.unlink()
        await reservations.release(grant)

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(race(sys.argv[1], int(sys.argv[2])))
"""


def test_processes_that_race_never_hold_the_same_node(database: Database) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(database.path), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for seed in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    granted: list[tuple[str, int]] = []
    for racer in racers:
        output, errors = racer.communicate(timeout=60)
        assert racer.returncode == 0, errors
        granted += [tuple(json.loads(line)) for line in output.splitlines()]
    assert len(granted) >= 75
    assert max(Counter(granted).values()) == 1, "a token was given twice"
    assert held(database) == set()


class Owners(RuleBasedStateMachine):
    """Owners take, release and let leases run out, against the plainest model."""

    def __init__(self) -> None:
        super().__init__()
        self.grants: list[Grant] = []
        self.highest = 0

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.database = open_database(Path(self.folder.name) / "lab.db")

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()

    def expected(self) -> set[str]:
        return {node for grant in self.grants for node in grant.tokens}

    @rule(nodes=st.sets(st.sampled_from(["m1", "m2", "m3"]), min_size=1), over=st.booleans())
    def take(self, nodes: Sequence[str], *, over: bool) -> None:
        wanted = sorted(nodes)
        busy = self.expected() & set(wanted)
        if busy:
            with pytest.raises(HeldError) as caught:
                take(self.database, *wanted)
            assert {holder.node for holder in caught.value.holders} == busy
            return
        grant = take(self.database, *wanted, seconds=0.0 if over else 60.0)
        assert min(grant.tokens.values()) > self.highest
        self.highest = max(grant.tokens.values())
        if not over:
            self.grants.append(grant)

    @rule(data=st.data())
    def give_back(self, data: Any) -> None:
        if self.grants:
            grant = data.draw(st.sampled_from(self.grants))
            self.grants.remove(grant)
            release(self.database, grant)

    @rule(data=st.data(), node=st.sampled_from(["m1", "m2", "m3"]))
    def extend(self, data: Any, node: str) -> None:
        if self.grants:
            grant = data.draw(st.sampled_from(self.grants))
            others = {name for one in self.grants if one is not grant for name in one.tokens}
            try:
                more = asyncio.run(StoredReservations(self.database).extend(grant, [node]))
            except HeldError:
                assert node in others
            else:
                assert node not in others
                assert min(more.tokens.values()) > self.highest
                self.highest = max(more.tokens.values())
                self.grants[self.grants.index(grant)] = more

    @invariant()
    def holders_are_those_of_the_grants(self) -> None:
        if hasattr(self, "database"):
            assert held(self.database) == self.expected()


TestOwners = Owners.TestCase
TestOwners.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
