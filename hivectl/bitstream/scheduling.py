"""Which board measures which circuit next: the rules alone, without boards, time or I/O.

Every job ends exactly once: done, or failed with a reason. A board takes the job that the fewest other boards could
do, so that what only it can do does not wait for the end; and a second one, to have in hand while the first is
measured, where that keeps no other board waiting. Jobs that were under way when a board fell silent go to
another board, each alone there, so that a circuit which silences boards is found out and takes no other with it.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from hivectl.model.errors import FaultError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STRIKES = 3  # times that boards may fall silent over one job


@record(kw_only=True)
class Job:
    """One circuit to be measured once, by one of some boards.

    Attributes:
        number: its own.
        boards: that may do it.
    """

    number: int
    boards: frozenset[str]


@record(kw_only=True)
class Failure:
    """A job that nobody will do any more, and why."""

    job: Job
    reason: str


class Schedule:
    """Hands jobs out, and hears what becomes of them.

    Args:
        jobs: in the order in which they are wished for.
        boards: name -> how many jobs it may have under way at once.
        strikes: times that boards may fall silent over one job.
    """

    def __init__(self, jobs: Iterable[Job], boards: Mapping[str, int], *, strikes: int = STRIKES) -> None:
        self._room = dict(boards)
        self._strikes = strikes
        self._struck: dict[int, int] = {}
        self._under_way: dict[str, dict[int, Job]] = {board: {} for board in boards}
        # jobs with the same boards wait in one line; each board knows its lines, the one with the fewest boards first
        self._lines: dict[frozenset[str], deque[Job]] = {}
        self._heaps: dict[str, list[tuple[int, int, frozenset[str]]]] = {}
        self._alone: deque[Job] = deque()
        # boards in trouble: nothing is left for them to take
        self._away: set[str] = set()
        self._failures: list[Failure] = []
        self._open = 0
        for job in jobs:
            self._open += 1
            able = job.boards.intersection(self._room)
            if able:
                self._lines.setdefault(able, deque()).append(job)
            else:
                self._fail(job, "there is no board for it")
        self._order()

    def _order(self) -> None:
        self._heaps = {board: [] for board in self._room}
        for number, boards in enumerate(self._lines):
            for board in boards:
                heapq.heappush(self._heaps[board], (len(boards), number, boards))

    @property
    def finished(self) -> bool:
        """Whether every job has ended."""
        return self._open == 0

    @property
    def boards(self) -> frozenset[str]:
        """The boards that are not given up."""
        return frozenset(self._room)

    def under_way(self, board: str) -> tuple[Job, ...]:
        """Return the jobs that a board has, the oldest first."""
        return tuple(self._under_way[board].values())

    def allow(self, board: str, room: int) -> None:
        """Say that a board is there, and how many jobs it may have under way at once."""
        self._room[board] = room
        self._away.discard(board)

    def take(self, board: str) -> Job | None:
        """Return the next job for a board, and note that it has it; None: there is none for it now."""
        own = self._under_way[board]
        if board not in self._room or len(own) >= self._room[board]:
            return None
        if any(self._struck.get(number) for number in own):
            return None  # it does one that must be alone
        job = self._take_alone(board) if not own else None
        if job is None:
            job = self._take_waiting(board)
        if job is not None:
            own[job.number] = job
        return job

    def _take_alone(self, board: str) -> Job | None:
        job = next((one for one in self._alone if board in one.boards), None)
        if job is not None:
            self._alone.remove(job)
        return job

    def _take_waiting(self, board: str) -> Job | None:
        line = self._line_of(board)
        if not line:
            return None
        if self._under_way[board]:
            # a job to have in hand; not one that a board which has nothing could begin at once
            idle = sum(
                1
                for other in line[0].boards.intersection(self._room)
                if not self._under_way[other] and other not in self._away
            )
            if len(line) <= idle:
                return None
        return line.popleft()

    def _line_of(self, board: str) -> deque[Job] | None:
        """Return the line that a board takes from, where anything waits for it."""
        heap = self._heaps[board]
        while heap:
            line = self._lines[heap[0][2]]
            if line:
                return line
            heapq.heappop(heap)  # nothing comes back to a line: it stays empty
        return None

    def may_come(self, board: str) -> bool:
        """Whether a board may still be needed: something waits for it, or may come back from another."""
        if board not in self._room:
            return False
        if self._line_of(board) or any(board in job.boards for job in self._alone):
            return True
        return any(board in job.boards for jobs in self._under_way.values() for job in jobs.values())

    def done(self, board: str, number: int) -> None:
        """Say that a board has ended a job, whatever the result; raises FaultError when it has not got it."""
        if self._under_way[board].pop(number, None) is None:
            raise FaultError(f"{board} has no job {number}")
        self._struck.pop(number, None)
        self._open -= 1

    def silent(self, board: str, reason: str) -> None:
        """Say that a board fell silent: what it had under way goes back, or has had its chances."""
        self._away.add(board)
        jobs = list(self._under_way[board].values())
        self._under_way[board].clear()
        for job in reversed(jobs):
            struck = self._struck[job.number] = self._struck.get(job.number, 0) + 1
            if struck >= self._strikes:
                self._fail(job, f"boards fell silent over it {struck} times; the last, {board}: {reason}")
            elif not job.boards & self._room.keys():
                self._fail(job, f"no board is left for it; the last, {board}: {reason}")
            else:
                self._alone.appendleft(job)

    def give_up(self, board: str, reason: str) -> None:
        """Say that a board will not come back: its jobs go to others, or end where there are none."""
        self._room.pop(board, None)
        self.silent(board, reason)
        lines, self._lines = self._lines, {}
        for boards, line in lines.items():
            left = boards - {board}
            if left in self._lines:
                both = heapq.merge(self._lines[left], line, key=lambda job: job.number)
                self._lines[left] = deque(both)
            elif left:
                self._lines[left] = line
            else:
                for job in line:
                    self._fail(job, f"no board is left for it; the last, {board}: {reason}")
        self._order()
        for job in [one for one in self._alone if not one.boards & self._room.keys()]:
            self._alone.remove(job)
            self._fail(job, f"no board is left for it; the last, {board}: {reason}")

    def failures(self) -> tuple[Failure, ...]:
        """Return what failed since the last call."""
        failures, self._failures = tuple(self._failures), []
        return failures

    def _fail(self, job: Job, reason: str) -> None:
        self._struck.pop(job.number, None)
        self._open -= 1
        self._failures.append(Failure(job=job, reason=reason))
