from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.engine.positions import Positions

NODES = ("a", "b", "c")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NODES), st.tuples(st.integers(1, 9))), max_size=30),
    st.tuples(st.integers(1, 10)),
)
def test_a_gate_opens_exactly_when_all_have_come(
    moves: list[tuple[str, tuple[int]]], target: tuple[int]
) -> None:
    async def scenario() -> None:
        positions = Positions(NODES, (1,))
        everybody = asyncio.ensure_future(positions.all_reached(target))
        single = asyncio.ensure_future(positions.reached("b", target))
        await asyncio.sleep(0)
        for node, number in moves:
            positions.advance(node, number)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert everybody.done() == all(positions.of(one) >= target for one in NODES)
            assert single.done() == (positions.of("b") >= target)
        for node in NODES:
            positions.finish(node)
        async with asyncio.timeout(5):
            await everybody
            await single

    asyncio.run(scenario())


def test_a_cancelled_wait_holds_up_nobody() -> None:
    async def scenario() -> None:
        positions = Positions(NODES, (1,))
        first = asyncio.ensure_future(positions.all_reached((2,)))
        second = asyncio.ensure_future(positions.all_reached((2,)))
        await asyncio.sleep(0)
        first.cancel()
        for node in NODES:
            positions.advance(node, (2,))
        async with asyncio.timeout(5):
            await second
        assert first.cancelled() or first.cancelling()
        await asyncio.gather(first, return_exceptions=True)

    asyncio.run(scenario())


def test_a_node_that_takes_no_part_is_waited_for_by_nobody() -> None:
    positions = Positions(("a",), (1,))
    assert positions.of("elsewhere") > (1_000_000,)
    asyncio.run(asyncio.wait_for(positions.reached("elsewhere", (5,)), 5))
