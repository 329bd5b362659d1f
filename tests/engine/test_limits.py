from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.engine.limits import Limits

COUNTS = {"hub": 2, "forks": 3, "probe": 1}
uses = st.dictionaries(st.sampled_from(sorted(COUNTS)), st.just(1), min_size=1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(uses, st.integers(0, 3), st.booleans()), max_size=12))
def test_no_limit_is_exceeded_and_nobody_is_forgotten(steps: list[tuple[dict[str, int], int, bool]]) -> None:
    async def scenario() -> None:
        limits = Limits(COUNTS)
        taken: Counter[str] = Counter()
        done = 0

        async def step(amounts: dict[str, int], turns: int) -> None:
            nonlocal done
            async with limits.use(amounts):
                taken.update(amounts)
                assert all(taken[name] <= COUNTS[name] for name in COUNTS)
                try:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                finally:
                    taken.subtract(amounts)
                done += 1

        tasks = [(asyncio.ensure_future(step(amounts, turns)), cancel) for amounts, turns, cancel in steps]
        await asyncio.sleep(0)
        for task, cancel in tasks:
            if cancel:
                task.cancel()
        await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        # whoever was cancelled, everything is free again
        async with asyncio.timeout(1), limits.use(COUNTS):
            pass
        assert done >= sum(1 for _, cancel in tasks if not cancel)

    asyncio.run(scenario())


def test_a_large_wish_is_not_overtaken_for_ever() -> None:
    async def scenario() -> list[str]:
        limits = Limits({"hub": 2})
        order: list[str] = []

        async def step(name: str, amount: int) -> None:
            async with limits.use({"hub": amount}):
                order.append(name)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            for name, amount in (("a", 1), ("both", 2), ("b", 1), ("c", 1)):
                group.create_task(step(name, amount))
        return order

    assert asyncio.run(scenario()) == ["a", "both", "b", "c"]
