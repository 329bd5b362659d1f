"""Reserve and cancel at a labgrid coordinator, pair after pair; runs in labgrid's own venv: ADDRESS PLACE PAIRS.

Speaks like `tests.benchmarks.reserving`.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator

import grpc.aio  # type: ignore[import-untyped]  # labgrid's venv has it, not ours
from labgrid.remote.generated import (  # type: ignore[import-not-found]  # likewise
    labgrid_coordinator_pb2 as messages,
)
from labgrid.remote.generated import (
    labgrid_coordinator_pb2_grpc as services,
)


async def main(address: str, place: str, pairs: int) -> None:
    """Measure the pairs."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = services.CoordinatorStub(channel)
        sent: asyncio.Queue[object] = asyncio.Queue()

        async def messages_of_ours() -> AsyncIterator[object]:
            while True:
                yield await sent.get()

        start = messages.ClientInMessage()
        start.startup.version, start.startup.name = "26.0", f"bench/{place}"
        sent.put_nowait(start)
        known = messages.ClientInMessage()
        known.sync.id = 1
        sent.put_nowait(known)
        stream = stub.ClientStream(messages_of_ours())
        await stream.read()
        reader = asyncio.ensure_future(_read(stream))
        await stub.AddPlace(messages.AddPlaceRequest(name=place))
        filters = {"main": messages.Reservation.Filter(filter={"name": place})}
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        times = []
        for _ in range(pairs):
            began = time.perf_counter()
            made = await stub.CreateReservation(messages.CreateReservationRequest(filters=filters, prio=0.0))
            await stub.CancelReservation(messages.CancelReservationRequest(token=made.reservation.token))
            times.append(time.perf_counter() - began)
        sys.stdout.write(json.dumps({"times": times, "cpu": time.process_time()}) + "\n")
        reader.cancel()


async def _read(stream: object) -> None:
    while await stream.read() is not grpc.aio.EOF:  # type: ignore[attr-defined]
        pass


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
