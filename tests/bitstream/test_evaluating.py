"""Every circuit gets one result or one stated failure, on the boards that it shall have, whatever these do."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hivectl.bitstream.cache import Cache
from hivectl.bitstream.devices import device_named
from hivectl.bitstream.errors import ImageError
from hivectl.bitstream.evaluating import Options, evaluate
from hivectl.bitstream.evaluations import Circuit, Evaluation, Measurement, WindowError
from hivectl.bitstream.expecting import expectation_of
from hivectl.bitstream.measuring import PULSES, BoardInUseError, BoardLostError, mean_difference
from hivectl.bitstream.reading import Bitstream, read_bitstream
from tests.support.circuits import random_asc
from tests.support.meters import StandIn, pulses_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UP5K = device_named("up5k")
HX1K = device_named("hx1k")
assert UP5K is not None
assert HX1K is not None
ONE = read_bitstream(random_asc(UP5K, 1).encode(), "one.asc")
OTHER_DEVICE = read_bitstream(random_asc(HX1K, 1).encode(), "small.asc")
SECOND = Measurement()


def bitstream(number: int) -> Bitstream:
    """A circuit of its own, without the cost of making one: stand-ins look at nothing but the hash."""
    return replace(ONE, name=f"c{number}.bin", sha256=f"{number * 7919 % 65536:04x}{number:060x}")


def circuits(count: int) -> list[Circuit]:
    return [Circuit(name=f"c{number}.bin", bitstream=bitstream(number)) for number in range(count)]


def run(
    wanted: Sequence[Circuit],
    boards: Sequence[StandIn],
    measurement: Measurement = SECOND,
    options: Options | None = None,
) -> list[Evaluation]:
    async def all_of_them() -> list[Evaluation]:
        return [one async for one in evaluate(wanted, boards, measurement, options)]

    return asyncio.run(all_of_them())


def right(evaluation: Evaluation) -> bool:
    return evaluation.values == (pulses_of(evaluation.sha256, evaluation.cycles),)


def test_spread_over_boards() -> None:
    boards = [StandIn(f"ice{number}", seconds=0.001) for number in range(4)]
    results = run(circuits(40), boards)
    assert sorted(one.circuit for one in results) == list(range(40))
    assert all(one.ok and right(one) and one.cycles == 48_000_000 for one in results)
    assert {one.board for one in results} == {"ice0", "ice1", "ice2", "ice3"}
    assert not any(board.opened for board in boards)


def test_each_on_every_board() -> None:
    boards = [StandIn("a"), StandIn("b"), StandIn("c")]
    wanted = circuits(5)
    wanted[1] = replace(wanted[1], boards=frozenset("bc"))
    results = run(wanted, boards, options=Options(each=True))
    assert Counter((one.circuit, one.board) for one in results) == Counter(
        (number, board) for number in range(5) for board in ("abc" if number != 1 else "bc")
    )


def test_circuits_with_boards_of_their_own() -> None:
    wanted = circuits(30)
    for number in range(0, 30, 3):
        wanted[number] = replace(wanted[number], boards=frozenset({"b"}))
    results = run(wanted, [StandIn("a"), StandIn("b")])
    assert len(results) == 30
    assert {one.board for one in results if one.circuit % 3 == 0} == {"b"}


def test_results_come_while_others_are_measured() -> None:
    slow = StandIn("slow", seconds=3600)

    async def first_of_many() -> tuple[Evaluation, int]:
        results = evaluate(circuits(2), [slow, StandIn("quick")], SECOND)
        first = await anext(results)
        opened = slow.opened
        await results.aclose()  # type: ignore[attr-defined]  # an async generator
        return first, opened

    first, opened = asyncio.run(first_of_many())
    assert first.board == "quick"
    assert opened
    assert not slow.opened


def test_leaving_early_closes_the_boards() -> None:
    boards = [StandIn("a", seconds=0.001), StandIn("b", seconds=3600)]

    async def leave() -> None:
        results = evaluate(circuits(10), boards, SECOND)
        await anext(results)
        await results.aclose()  # type: ignore[attr-defined]  # an async generator

    asyncio.run(leave())
    assert not any(board.opened for board in boards)


def test_repeats_have_a_mean_and_a_deviation() -> None:
    (one,) = run(circuits(1), [StandIn("a")], Measurement(cycles=1000, repeats=5))
    assert list(one.values) == [pulses_of(one.sha256, 1000)] * 5
    assert one.value == one.values[0]
    assert not one.deviation
    spread = replace(one, values=(10.0, 14.0))
    assert (spread.value, round(spread.deviation, 3)) == (12.0, 2.828)
    assert spread.plain()["minimum"] == 10.0


def test_variance_brings_its_samples() -> None:
    (one,) = run(circuits(1), [StandIn("a")], Measurement(measure="variance", samples=20, repeats=2))
    assert [len(row) for row in one.samples] == [20, 20]
    assert one.values == (mean_difference(one.samples[0]),) * 2
    assert mean_difference([1, 3, 0, 0]) == 5 / 4
    assert mean_difference([]) == 0.0
    assert "samples" in one.plain()
    assert "samples" not in one.plain(samples=False)


def test_a_bad_circuit_fails_alone() -> None:
    wanted = circuits(6)
    wanted[2] = Circuit(name="text.bin", error=ImageError("text, not a bitstream", name="text.bin"))
    wanted[4] = Circuit(name="small.asc", bitstream=OTHER_DEVICE)
    boards = [StandIn("a", refuses=frozenset({bitstream(5).sha256}))]
    results = {one.circuit: one for one in run(wanted, boards)}
    assert results[2].error == "text.bin: text, not a bitstream"
    assert "made for hx1k, but a has up5k" in results[4].error
    assert "CDONE stayed low" in results[5].error
    assert [number for number, one in results.items() if one.ok] == [0, 1, 3]
    assert boards[0].log == ["open"], "a circuit's fault is not the board's"


def test_expected_values() -> None:
    wanted = circuits(2)
    true = pulses_of(bitstream(0).sha256, 1000)
    wanted[0] = replace(wanted[0], expected=expectation_of(true + 1, 1))
    wanted[1] = replace(wanted[1], expected=expectation_of(10**9))
    first, second = sorted(run(wanted, [StandIn("a")], Measurement(cycles=1000)), key=lambda one: one.circuit)
    assert first.ok
    assert second.values
    assert second.unexpected.endswith("instead of 1000000000")


def test_a_silent_board_is_reset_then_flashed_then_given_up() -> None:
    said: list[str] = []
    options = Options(say=lambda node, message: said.append(f"{node}: {message}"))
    dead = StandIn("dead", sick=True, mends=0.0, flashes=False)
    results = run(circuits(10), [dead, StandIn("b")], options=options)
    assert all(one.ok and one.board == "b" for one in results)
    assert len(results) == 10
    assert dead.log == ["open", "reset", "flash"]
    assert said == [
        "dead: dead says nothing; it is reset",
        "dead: dead says nothing; dead did not come back from its reset; it is flashed anew",
        "dead: dead says nothing; dead did not come back from its reset; dead cannot be flashed; it is given up",
    ]


def test_nothing_is_announced_that_is_not_done() -> None:
    def gone(board: StandIn) -> None:
        raise BoardLostError(f"{board.node} is not plugged in")

    said: list[str] = []
    options = Options(say=lambda _node, message: said.append(message))
    absent = StandIn("a", opens=gone, mends=0.0, flashes=False, firmware=None)
    assert not any(one.ok for one in run(circuits(1), [absent], options=options))
    assert said[0] == "a is not plugged in; it is waited for"
    assert not any("flashed anew" in one for one in said)
    assert said[-1].endswith("it is given up")


def test_a_reset_that_does_not_help_leads_to_flashing() -> None:
    def still_sick(board: StandIn) -> None:
        board.sick = "flash" not in board.log

    board = StandIn("a", opens=still_sick)
    assert all(one.ok for one in run(circuits(3), [board]))
    assert board.log == ["open", "reset", "open", "flash", "open"]


def test_without_boards_every_circuit_fails_with_the_reason() -> None:
    dead = StandIn("dead", sick=True, mends=0.0, flashes=False)
    results = run(circuits(5), [dead])
    assert len(results) == 5
    assert all("no board is left for it; the last, dead: dead says nothing" in one.error for one in results)
    assert [one.error for one in run(circuits(1), [])] == ["none of its boards takes part"]


def test_a_board_in_use_is_left_alone() -> None:
    def busy(_: StandIn) -> None:
        raise BoardInUseError("a is in use by process 7")

    board = StandIn("a", opens=busy)
    (one,) = run(circuits(1), [board])
    assert "in use by process 7" in one.error
    assert board.log == ["open"]


def test_a_circuit_that_silences_boards_fails_alone() -> None:
    poison = frozenset({bitstream(7).sha256})
    boards = [StandIn(f"ice{number}", poison=poison) for number in range(3)]
    results = {one.circuit: one for one in run(circuits(20), boards)}
    assert [number for number, one in results.items() if not one.ok] == [7]
    assert results[7].error.startswith("boards fell silent over it 3 times")
    assert results[7].attempts == 3


def test_firmware_that_measures_something_else() -> None:
    (one,) = run(circuits(1), [StandIn("a", measures=frozenset({PULSES}))], Measurement(measure="variance"))
    assert "its firmware stand-in 1 measures pulses, not variance" in one.error


def test_windows_that_hold_nothing() -> None:
    for wrong in (
        Measurement(seconds=0.0),
        Measurement(seconds=-1.0),
        Measurement(cycles=0),
        Measurement(seconds=1e9),
        Measurement(repeats=0),
        Measurement(seconds=1.0, cycles=1),
        Measurement(measure="variance", samples=1),
    ):
        with pytest.raises(WindowError):
            run(circuits(1), [StandIn("a")], wrong)


def test_known_results_are_not_measured_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep" / "known.db")
    options = Options(cache=cache)
    first = run(circuits(5), [StandIn("a")], options=options)
    board = StandIn("a")
    again = run(circuits(6), [board], options=options)
    assert [one.cached for one in sorted(again, key=lambda one: one.circuit)] == [True] * 5 + [False]
    assert {(one.circuit, one.values) for one in first} < {(one.circuit, one.values) for one in again}
    for other in (Measurement(cycles=5), Measurement(repeats=2), Measurement(measure="variance")):
        assert not any(one.cached for one in run(circuits(5), [StandIn("a")], other, options))
    assert not any(one.cached for one in run(circuits(5), [StandIn("b")], options=options))
    cache.close()


def troubled(count: int, boards: int, seed: int, trouble: float) -> tuple[list[Evaluation], list[StandIn]]:
    dice = random.Random(seed)
    standing = [
        StandIn(
            f"ice{number}",
            trouble=trouble,
            mends=0.7,
            flashes=dice.random() < 0.9,
            buffers=dice.choice((1, 2, 3)),
            dice=random.Random(seed * 100 + number),
        )
        for number in range(boards)
    ]
    return run(circuits(count), standing), standing


def check_troubled(results: list[Evaluation], count: int) -> None:
    assert sorted(one.circuit for one in results) == list(range(count))
    assert all(right(one) if one.values else one.error for one in results)


@pytest.mark.parametrize("seed", range(5))
def test_trouble_everywhere(seed: int) -> None:
    results, boards = troubled(100, 16, seed, 0.1)
    check_troubled(results, 100)
    assert any("reset" in board.log for board in boards)
    assert sum(one.ok for one in results) > 80


@pytest.mark.soak
def test_ten_thousand_circuits_in_trouble() -> None:
    for seed in range(5):
        results, _ = troubled(10_000, 16, seed, 0.02)
        check_troubled(results, 10_000)
