"""Every job ends exactly once, on a board that may do it, whatever the boards do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hivectl.bitstream.scheduling import STRIKES, Job, Schedule
from hivectl.model.errors import FaultError

BOARDS = ("a", "b", "c")


def job(number: int, boards: str = "abc") -> Job:
    return Job(number=number, boards=frozenset(boards))


class Boards(RuleBasedStateMachine):
    """Boards that do, fall silent and go for ever, by chance; beside a model that counts."""

    schedule: Schedule
    jobs: dict[int, Job]
    ended: dict[int, str]
    has: dict[str, list[int]]
    gone: set[str]

    @initialize(
        wanted=st.lists(st.frozensets(st.sampled_from(BOARDS), max_size=3), max_size=12),
        room=st.integers(1, 3),
    )
    def begin(self, wanted: list[frozenset[str]], room: int) -> None:
        self.jobs = {number: Job(number=number, boards=boards) for number, boards in enumerate(wanted)}
        self.schedule = Schedule(self.jobs.values(), dict.fromkeys(BOARDS, room))
        self.ended, self.gone, self.room = {}, set(), room
        self.has = {board: [] for board in BOARDS}
        self.silences = dict.fromkeys(self.jobs, 0)
        self.hear()

    def hear(self) -> None:
        for failure in self.schedule.failures():
            number = failure.job.number
            assert number not in self.ended, "it ended twice"
            self.ended[number] = "failed"
            reached = self.silences[number] >= STRIKES
            assert reached or not failure.job.boards - self.gone, "it had chances left"

    @rule(board=st.sampled_from(BOARDS))
    def take(self, board: str) -> None:
        taken = self.schedule.take(board)
        if taken is None:
            return
        assert board not in self.gone
        assert board in taken.boards
        assert taken.number not in self.ended
        assert all(taken.number not in jobs for jobs in self.has.values()), "two boards have it"
        self.has[board].append(taken.number)
        assert len(self.has[board]) <= self.room
        if any(self.silences[number] for number in self.has[board]):
            assert len(self.has[board]) == 1, "a suspect is not alone"

    @precondition(lambda self: any(self.has.values()))
    @rule(data=st.data())
    def do(self, data: st.DataObject) -> None:
        board = data.draw(st.sampled_from([board for board in BOARDS if self.has[board]]))
        number = data.draw(st.sampled_from(self.has[board]))
        self.has[board].remove(number)
        self.schedule.done(board, number)
        self.ended[number] = "done"

    @rule(board=st.sampled_from(BOARDS), for_ever=st.booleans())
    def fall_silent(self, board: str, *, for_ever: bool) -> None:
        if board in self.gone:
            return
        for number in self.has[board]:
            self.silences[number] += 1
        self.has[board].clear()
        if for_ever:
            self.gone.add(board)
            self.schedule.give_up(board, "it is dead")
        else:
            self.schedule.silent(board, "it slept")
        self.hear()

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "has"):
            return
        assert self.schedule.finished == (len(self.ended) == len(self.jobs))
        assert {board: [one.number for one in self.schedule.under_way(board)] for board in BOARDS} == self.has
        for board in set(BOARDS) - self.gone:
            left = [one for one in self.jobs.values() if one.number not in self.ended and board in one.boards]
            assert self.schedule.may_come(board) == bool(left)

    def teardown(self) -> None:
        """Whatever came before, boards that work bring it to its end."""
        if not hasattr(self, "has"):
            return
        for _ in range(10 * len(self.jobs) + 10):
            for board in BOARDS:
                if self.has[board]:
                    number = self.has[board].pop(0)
                    self.schedule.done(board, number)
                    self.ended[number] = "done"
                self.take(board)
        assert self.schedule.finished
        assert self.ended.keys() == self.jobs.keys()


TestBoards = Boards.TestCase
TestBoards.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_what_only_one_board_can_do_comes_first() -> None:
    schedule = Schedule([job(0), job(1, "ab"), job(2, "b")], dict.fromkeys(BOARDS, 1))
    taken = [schedule.take(board) for board in ("b", "a", "c")]
    assert [one and one.number for one in taken] == [2, 1, 0]


def test_jobs_come_in_their_order() -> None:
    schedule = Schedule([job(number) for number in range(6)], {"a": 2})
    first, second = schedule.take("a"), schedule.take("a")
    assert (first, second) == (job(0), job(1))
    assert schedule.take("a") is None, "there is room for two"
    schedule.done("a", 0)
    assert schedule.take("a") == job(2)
    with pytest.raises(FaultError):
        schedule.done("a", 0)


def test_nothing_is_kept_in_hand_that_another_could_begin() -> None:
    schedule = Schedule([job(number) for number in range(5)], dict.fromkeys(BOARDS, 2))
    taken = [schedule.take(board) for board in ("a", "a", "a", "b", "c", "c", "b")]
    assert [one and one.number for one in taken] == [0, 1, None, 2, 3, 4, None]
    schedule = Schedule([job(number) for number in range(3)], dict.fromkeys(BOARDS, 2))
    assert schedule.take("a") == job(0)
    assert schedule.take("a") is None, "b and c can begin them at once"
    schedule.silent("b", "asleep")
    assert schedule.take("a") == job(1), "b cannot"
    schedule.allow("b", 2)


def test_a_circuit_that_silences_boards_is_found_out() -> None:
    schedule = Schedule([job(number) for number in range(8)], dict.fromkeys(BOARDS, 2))
    poison, done = 3, set()
    for _ in range(100):
        for board in BOARDS:
            while schedule.take(board):
                pass
            numbers = [one.number for one in schedule.under_way(board)]
            if poison in numbers:
                schedule.silent(board, "nothing came")
            elif numbers:
                schedule.done(board, numbers[0])
                done.add(numbers[0])
    (failure,) = schedule.failures()
    assert failure.job.number == poison
    assert failure.reason == "boards fell silent over it 3 times; the last, c: nothing came"
    assert done == set(range(8)) - {poison}


def test_the_last_board_takes_the_rest_with_it() -> None:
    schedule = Schedule([job(0, "a"), job(1, "ab"), job(2, "b"), job(3, "x")], {"a": 1, "b": 1})
    assert [(one.job.number, one.reason) for one in schedule.failures()] == [(3, "there is no board for it")]
    schedule.give_up("a", "unplugged")
    assert [(one.job.number, one.reason) for one in schedule.failures()] == [
        (0, "no board is left for it; the last, a: unplugged")
    ]
    assert schedule.take("a") is None
    assert not schedule.finished
    schedule.give_up("b", "burnt")
    assert sorted(one.job.number for one in schedule.failures()) == [1, 2]
    assert schedule.finished


@given(st.data())
@settings(max_examples=20, deadline=None)
def test_lines_that_become_one_keep_their_order(data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.sampled_from(["a", "ab"]), max_size=8))
    schedule = Schedule([job(number, boards) for number, boards in enumerate(wanted)], {"a": 1, "b": 1})
    schedule.give_up("b", "gone")
    order = []
    while (taken := schedule.take("a")) is not None:
        order.append(taken.number)
        schedule.done("a", taken.number)
    assert order == list(range(len(wanted)))


def test_many_jobs_with_as_many_sets_of_boards() -> None:
    # a tenth of a second; by looking at every line each time it would take minutes
    boards = [f"ice{number}" for number in range(16)]
    jobs = [
        Job(
            number=number,
            boards=frozenset(board for bit, board in enumerate(boards) if number + 1 >> bit & 1),
        )
        for number in range(20_000)
    ]
    schedule = Schedule(jobs, dict.fromkeys(boards, 1))
    while not schedule.finished:
        for board in boards:
            if (taken := schedule.take(board)) is not None:
                schedule.done(board, taken.number)
    assert schedule.failures() == ()
