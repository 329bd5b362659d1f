"""Reserve and release, pair after pair: `python -m tests.benchmarks.reserving STORE NODES PAIRS FIRST WAITING ANY`.

Prints "ready", waits for a line, then prints each pair's time in seconds as JSON. With WAITING, so many wishes are put
into the queue of one node before; ANY asks for one node of all instead of a named one.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

from hivectl.reservations.base import Asked, Grant
from hivectl.store.opening import open_store
from hivectl.store.reservations import StoredReservations

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    """Measure the pairs."""
    location = arguments[0]
    count, pairs, first, waiting, of_all = map(int, arguments[1:])
    nodes = tuple(f"node{number:04d}" for number in range(count))
    reservations = StoredReservations(open_store(location))
    if waiting:
        # those who wait want what is measured, too
        for_long = Asked(nodes=nodes[:1], duration=3600.0, time_to_live=None, wait=True)
        for _ in range(waiting + 1):
            reservations.ask_now(for_long)
    times = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(pairs):
        wanted = nodes if of_all else (nodes[1 + first + number % (count // 8)],)
        began = time.perf_counter()
        grant = reservations.ask_now(Asked(nodes=wanted, count=1, duration=60.0, reason="benchmark"))
        assert isinstance(grant, Grant)
        reservations.release_now(grant)
        times.append(time.perf_counter() - began)
    sys.stdout.write(json.dumps({"times": times, "cpu": time.process_time()}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
