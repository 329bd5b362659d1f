"""Clients that reserve, hold, lose and give back at random, killed at random; each node watches who uses it.

`python -m tests.support.soak STORE FOLDER CLIENTS OPERATIONS KILL_EVERY SEED` prints what happened as JSON; `faults`
says what must not be. A node is a file: it refuses a fencing token that is older than the highest that it has seen, as
`.hivelock` does, and remembers who used it last until when, so that it notices a second holder.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import random
import signal
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from hivectl.reservations.base import Asked, Grant, NotReservedError, Queued, UnknownReservationError
from hivectl.store.errors import StoreLockedError
from hivectl.store.health import NodeHealth
from hivectl.store.opening import open_store
from hivectl.store.process import own_start, process_start
from hivectl.store.reservations import StoredReservations

NODES = tuple(f"m{number}" for number in range(1, 9))
TIME_TO_LIVE = 2.0
# seconds by which two clocks that are read one after the other may differ, the machine being busy
MARGIN = 0.05


def boot_time() -> float:
    """Return seconds that no change of the wall clock moves."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Judge:
    """The nodes, as they see it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tell(self, fault: str) -> None:
        """Write down what must not be."""
        with (self._folder / "faults").open("a") as file:
            file.write(f"{fault}\n")

    def use(self, node: str, claim: Claim, *, leave: bool = False) -> bool:
        """Let somebody use a node; False: it knows a newer token."""
        descriptor = os.open(self._folder / f"{node}.node", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            text = file.read()
            last = json.loads(text) if text else None
            token = claim.grant.tokens[node]
            if last and token < last["token"]:
                return False
            if last and token == last["token"] and last["id"] != claim.grant.reservation:
                self.tell(f"{node}: {claim.grant.reservation} has the token of {last['id']}")
            if (
                last
                and token > last["token"]
                and last["id"] != claim.grant.reservation
                and self._stands(last)
            ):
                self.tell(f"{node}: {claim.grant.reservation} came while {last['id']} stood: {last}")
            now = {
                "id": claim.grant.reservation,
                "token": token,
                "until": 0.0 if leave else claim.until,
                "process": [os.getpid(), own_start(os.getpid())] if claim.process else None,
            }
            file.seek(0)
            file.truncate()
            file.write(json.dumps(now))
        return True

    @staticmethod
    def _stands(last: dict[str, Any]) -> bool:
        if boot_time() >= last["until"] - MARGIN:
            return False
        # the death of a process ends what it held
        return last["process"] is None or process_start(last["process"][0]) == last["process"][1]


class Claim:
    """What a client holds, as far as it knows."""

    def __init__(self, grant: Grant, asked: float) -> None:
        self.grant = grant
        self.process = grant.time_to_live is not None
        assert grant.ends is not None
        self.ends = boot_time() + grant.ends.timestamp() - time.time()
        # whatever the store says begins after we asked
        self.until = min(self.ends, asked + TIME_TO_LIVE) if self.process else self.ends

    @property
    def stands(self) -> bool:
        """Whether it surely does."""
        return boot_time() < self.until - MARGIN


class Client:
    """Does one thing after the other."""

    def __init__(self, location: str, folder: Path, seed: int) -> None:
        self.store = open_store(location)
        self.desk = StoredReservations(self.store)
        self.health = NodeHealth(self.store)
        self.chance = random.Random(seed)
        self.judge = Judge(folder)
        self.journal = (folder / f"journal-{os.getpid()}").open("a")
        self.held: list[Claim] = []
        self.waiting: list[Queued] = []

    def note(self, what: str, claim: Claim) -> None:
        """Say what was had, or is about to be given back, as a command that prints it."""
        shown = {
            "what": what,
            "id": claim.grant.reservation,
            "nodes": sorted(claim.grant.tokens),
            "until": claim.until,
            "process": claim.process,
        }
        self.journal.write(json.dumps(shown) + "\n")
        self.journal.flush()

    def step(self) -> None:
        """Do something."""
        what = self.chance.random()
        if what < 0.3 and len(self.held) < 3:
            self.ask()
        elif what < 0.5 and self.waiting:
            self.poll()
        elif what < 0.65 and self.held:
            self.keep(self.chance.choice(self.held))
        elif what < 0.67:
            self.spoil()
        elif self.held:
            self.give_back(self.held.pop(self.chance.randrange(len(self.held))))
        else:
            self.ask()

    def ask(self) -> None:
        """Ask for something, now or later."""
        chance = self.chance
        nodes = tuple(chance.sample(NODES, chance.randint(1, 4)))
        process = chance.random() < 0.5
        booked = chance.random() < 0.1
        asked = Asked(
            nodes=nodes,
            count=chance.randint(1, min(2, len(nodes))),
            duration=None if process and not booked else chance.uniform(0.1, 1.0),
            time_to_live=TIME_TO_LIVE if process and not booked else None,
            priority=chance.choice([1, 5, 10]),
            at=time.time() + chance.uniform(0.1, 1.0) if booked else None,
            # a killed client's wish stands in others' way for its time to live
            wait=process and chance.random() < 0.3,
        )
        began = boot_time()
        with suppress(NotReservedError):
            self.got(self.desk.ask_now(asked), began)

    def got(self, found: Grant | Queued, began: float) -> None:
        """Use what was granted."""
        if isinstance(found, Queued):
            self.waiting.append(found)
            if len(self.waiting) > 3:
                self.desk.withdraw_now(self.waiting.pop(0))
            return
        claim = Claim(found, began)
        self.note("granted", claim)
        self.held.append(claim)
        self.use(claim)

    def use(self, claim: Claim) -> None:
        """Use each node; that one refuses while the claim stands must not be."""
        for node in claim.grant.tokens:
            if claim.stands and not self.judge.use(node, claim) and claim.stands:
                self.judge.tell(f"{node}: refused {claim.grant.reservation}, which stood until {claim.until}")

    def poll(self) -> None:
        """Look what became of a wish."""
        queued = self.waiting.pop(self.chance.randrange(len(self.waiting)))
        began = boot_time()
        with suppress(NotReservedError, UnknownReservationError):
            self.got(self.desk.poll_now(queued.reservation, queued.key), began)

    def keep(self, claim: Claim) -> None:
        """Renew, prolong or adopt, and use it again."""
        stood, began = claim.stands, boot_time()
        identity, key = claim.grant.reservation, claim.grant.key
        try:
            if claim.process:
                self.desk.renew_now(claim.grant)
                claim.until = min(claim.ends, began + TIME_TO_LIVE)
            elif self.chance.random() < 0.5:
                longer = Claim(self.desk.prolong_now(identity, key, 0.5), began)
                claim.ends = claim.until = longer.until
            else:
                self.desk.adopt_now(identity, key, tuple(claim.grant.tokens))
        except (NotReservedError, UnknownReservationError) as error:
            # a booking may be in the way of more time, and a renewal may come too late
            if claim.stands and stood and "booked" not in error.message:
                self.judge.tell(f"{identity} was lost, and stood until {claim.until}: {error.message}")
            if not claim.stands:
                self.held.remove(claim)
            return
        self.use(claim)

    def give_back(self, claim: Claim) -> None:
        """Leave the nodes, and say so to the store."""
        self.note("left", claim)
        for node in claim.grant.tokens:
            self.judge.use(node, claim, leave=True)
        self.desk.release_now(claim.grant)

    def spoil(self) -> None:
        """Keep a node from everybody for a moment."""
        node = self.chance.choice(NODES)
        self.health.quarantine([node], "soak", "nobody")
        # those too that a killed client has left
        self.health.lift(NODES)


def lost(location: str, journal: Path) -> list[str]:
    """Return what a killed client had been granted, what must stand still, and does not."""
    claims: dict[str, dict[str, Any]] = {}
    # it may have been killed before it did anything
    for line in journal.read_text().splitlines() if journal.exists() else ():
        with suppress(ValueError):  # the last one may be half
            found = json.loads(line)
            claims[found["id"]] = found
    faults = []
    with closing(open_store(location)) as store, store.reading() as statements:
        for found in claims.values():
            if found["what"] != "granted" or found["process"]:
                continue
            rows = statements.execute(
                "SELECT node FROM live WHERE reservation = ?", (found["id"],)
            ).fetchall()
            stands = boot_time() < found["until"] - MARGIN
            if stands and sorted(str(row[0]) for row in rows) != found["nodes"]:
                faults.append(f"{found} was granted to a killed client, and is {rows}")
    return faults


def halves(location: str) -> list[str]:
    """Return the reservations that hold another number of nodes than they asked for."""
    with closing(open_store(location)) as store, store.reading() as statements:
        rows = statements.execute(
            "SELECT id, count, (SELECT count(*) FROM live WHERE reservation = id) FROM reservation WHERE state = 'held'"
        ).fetchall()
    return [f"{identity} holds {has} of {count} nodes" for identity, count, has in rows if has != count]


def client(location: str, folder: Path, seed: int, done: mmap.mmap, place: int, operations: int) -> None:
    """Be one client until its operations are done."""
    own = Client(location, folder, seed)
    while (number := int.from_bytes(done[place : place + 8], "little")) < operations:
        # a busy machine: the caller is told to try again, and no rule is broken
        with suppress(StoreLockedError):
            own.step()
        done[place : place + 8] = (number + 1).to_bytes(8, "little")
    for claim in own.held:
        with suppress(StoreLockedError):
            own.give_back(claim)


def start(*arguments: Any) -> int:
    """Fork a client; returns its pid."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        client(*arguments)
        code = 0
    except BaseException as error:  # noqa: BLE001  # a fork must not go on as its parent
        import traceback

        Judge(arguments[1]).tell("".join(traceback.format_exception(error)))
    finally:
        os._exit(code)


def main(location: str, folder: Path, clients: int, operations: int, kill_every: float, seed: int) -> None:
    """Run the clients, kill some, and print what happened."""
    chance = random.Random(seed)
    open_store(location).close()
    done = mmap.mmap(-1, 8 * clients)
    places: dict[int, int] = {}
    kills, faults, began = 0, [], time.monotonic()

    def begin(place: int) -> None:
        places[start(location, folder, chance.getrandbits(32), done, 8 * place, operations)] = place

    for place in range(clients):
        begin(place)
    following = time.monotonic() + kill_every
    while places:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid:
            del places[pid]
            continue
        if time.monotonic() < following:
            time.sleep(0.005)  # waitpid knows no time limit
            continue
        following = time.monotonic() + chance.uniform(0.5, 1.5) * kill_every
        victim = chance.choice(list(places))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        kills += 1
        faults += lost(location, folder / f"journal-{victim}") + halves(location)
        begin(places.pop(victim))
    grants = sum(path.read_text().count('"granted"') for path in folder.glob("journal-*"))
    taken = time.monotonic() - began
    faults += halves(location)
    # what nobody gave back ends by itself
    time.sleep(max(TIME_TO_LIVE, 2.5) + 1)
    with closing(open_store(location)) as store:
        if held := StoredReservations(store).holders():
            faults += [f"{node} is held past its time: {holder}" for node, holder in held.items()]
    with suppress(FileNotFoundError):
        faults += (folder / "faults").read_text().splitlines()
    sys.stdout.write(
        json.dumps(
            {
                "operations": sum(
                    int.from_bytes(done[8 * one : 8 * one + 8], "little") for one in range(clients)
                ),
                "grants": grants,
                "kills": kills,
                "seconds": round(taken, 1),
                "faults": faults[:50],
            }
        )
    )


if __name__ == "__main__":
    main(
        sys.argv[1],
        Path(sys.argv[2]),
        int(sys.argv[3]),
        int(sys.argv[4]),
        float(sys.argv[5]),
        int(sys.argv[6]),
    )
