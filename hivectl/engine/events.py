"""What everybody else sees of a run: frozen dataclasses, versioned; reporters, panel and server read these alone.

Results in events are already redacted: secrets and `no_log` results never enter one.
"""

from __future__ import annotations

from dataclasses import asdict, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.model.origin import Origin

EVENTS_VERSION = 1


class Status(StrEnum):
    """What became of a step; `unobserved`: a plan cannot know it before it is applied."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNREACHABLE = "unreachable"
    RESCUED = "rescued"
    IGNORED = "ignored"
    UNKNOWN = "unknown"
    UNOBSERVED = "unobserved"


@record(kw_only=True)
class TaskInfo:
    """Which task an event is about.

    Attributes:
        play: the name of its play.
        name: as the playbook has it, or made of its module.
        module: what it does.
        origin: where it is written.
        number: place of the task in the whole playbook, from 1, in file order.
        total: how many tasks the playbook has.
        handler: it is a handler, which others notify.
    """

    play: str
    name: str
    module: str
    origin: Origin
    number: int = 0
    total: int = 0
    handler: bool = False


@record(kw_only=True)
class Event:
    """What all events have: seconds since the epoch."""

    event: ClassVar[str] = "event"
    time: float


@record(kw_only=True)
class RunStarted(Event):
    """A run begins.

    Attributes:
        run: its name, as `hivectl runs` lists it.
        playbook: the file.
        mode: "apply", "check", "plan" or "refresh".
        nodes: all that it may touch.
        steps: how many steps there are, as far as that is known (node x task).
        resumed: the run that it goes on with.
    """

    event: ClassVar[str] = "run_started"
    run: str
    playbook: str
    mode: str
    nodes: tuple[str, ...]
    steps: int
    resumed: str | None = None


@record(kw_only=True)
class Reserved(Event):
    """The run holds its nodes.

    Attributes:
        reservation: its name, as `hivectl status` shows it.
        nodes: those that are held.
    """

    event: ClassVar[str] = "reserved"
    reservation: str
    nodes: tuple[str, ...]


@record(kw_only=True)
class PlayStarted(Event):
    """A play, or one `serial` batch of it, begins.

    Attributes:
        play: its name.
        nodes: of this batch.
        batch: which one, from 1.
        batches: how many there are.
    """

    event: ClassVar[str] = "play_started"
    play: str
    nodes: tuple[str, ...]
    batch: int = 1
    batches: int = 1


@record(kw_only=True)
class StepStarted(Event):
    """A node begins a task; the first of a batch begins when the batch is sent.

    Attributes:
        node: whose step it is.
        task: what it does.
    """

    event: ClassVar[str] = "step_started"
    node: str
    task: TaskInfo


@record(kw_only=True)
class StepFinished(Event):
    """A node is done with a task.

    Attributes:
        node: whose step it is.
        task: what it did.
        status: what became of it.
        result: redacted; in a loop `results` holds one for each item.
        seconds: on the node.
        reason: why it was skipped, failed or not reached, one sentence.
        cause: for a step that was skipped since it depends on a failure: that step's "node: task".
        drifted: it was applied before, word for word, and somebody else has changed it since (plan and check).
    """

    event: ClassVar[str] = "step_finished"
    node: str
    task: TaskInfo
    status: Status
    result: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str = ""
    cause: str | None = None
    drifted: bool = False


@record(kw_only=True)
class Partial(Event):
    """A part of a step's result came; the whole comes with the step's end.

    Attributes:
        node: whose part.
        step: key of the step in the journal.
        data: what it is, as the module documents it.
    """

    event: ClassVar[str] = "partial"
    node: str
    step: str
    data: Mapping[str, Any] = field(default_factory=dict)


@record(kw_only=True)
class NodeLost(Event):
    """A node is left out of the rest of the run: unreachable, failed, or its fence is lost.

    Attributes:
        node: which one.
        reason: why, one sentence.
        skipped: how many steps it will not do.
    """

    event: ClassVar[str] = "node_lost"
    node: str
    reason: str
    skipped: int = 0


@record(kw_only=True)
class Waiting(Event):
    """Nothing has happened for some seconds: what is waited for.

    Attributes:
        what: one line each: "m1: install packages (12 s)".
    """

    event: ClassVar[str] = "waiting"
    what: tuple[str, ...]


@record(kw_only=True)
class Message(Event):
    """A word to the user: a warning, or what a step says of its progress.

    Attributes:
        level: "info", "warning" or "error".
        text: what is said.
        node: of which node.
    """

    event: ClassVar[str] = "message"
    level: str
    text: str
    node: str | None = None


@record(kw_only=True)
class NodeSummary:
    """How many steps of a node ended how.

    Attributes:
        ok: they found everything as it shall be.
        changed: they changed something, or would.
        failed: they failed, or nobody knows what became of them.
        skipped: their conditions did not hold.
        unreachable: the node was gone.
        rescued: they failed, and a rescue section went on.
        ignored: they failed, which was said to be no matter.
        unobserved: a plan cannot know what they would change before it is applied.
    """

    ok: int = 0
    changed: int = 0
    failed: int = 0
    skipped: int = 0
    unreachable: int = 0
    rescued: int = 0
    ignored: int = 0
    unobserved: int = 0


@record(kw_only=True)
class Timing:
    """One step's share of the time.

    Attributes:
        node: whose step it is.
        task: its name.
        seconds: how long it took.
    """

    node: str
    task: str
    seconds: float


@record(kw_only=True)
class RunEnded(Event):
    """A run ends.

    Attributes:
        run: its name.
        status: "ok", "failed", "interrupted", "terminated" or "fault".
        exit_code: 0 done, 1 some step failed, 3 the files are wrong, 4 nodes unreachable, 5 not reserved, 6 the saved
            plan is stale, 70 a fault of hivectl, 130 interrupted, 143 terminated.
        seconds: from its first word to its last.
        nodes: node -> how its steps ended.
        critical_path: the chain of steps that took longest, in order.
        slowest: the slowest steps, slowest first.
        pending_handlers: "node: handler" that were notified and have not run; the next run does them.
        resume: whether `apply --resume RUN` has something to do.
        reason: why it ended early, if it did.
        stats: what `set_stats` has said: of the run under "_run", per node under the node's name.
    """

    event: ClassVar[str] = "run_ended"
    run: str
    status: str
    exit_code: int
    seconds: float
    nodes: Mapping[str, NodeSummary]
    critical_path: tuple[Timing, ...] = ()
    slowest: tuple[Timing, ...] = ()
    pending_handlers: tuple[str, ...] = ()
    resume: bool = False
    reason: str = ""
    stats: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Listener(Protocol):
    """Whoever wants to see events; one that has `begins = False` can do without `StepStarted`."""

    def __call__(self, event: Event) -> None:
        """Take one event; must be quick and must not raise."""
        ...


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as JSON has it: `version`, `event`, and the fields."""
    return {"version": EVENTS_VERSION, "event": event.event, **asdict(event)}
