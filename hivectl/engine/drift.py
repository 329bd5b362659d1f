"""What an apply has brought about, and whether it is still so: by digests of what each step would have.

A step that would change something now, and is word for word one that was applied, has drifted: somebody else has
changed the node. One that was never applied so is only pending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hivectl.engine.desired import SIZE, desired_of
from hivectl.engine.events import Status
from hivectl.helper.operations import Edit, Link, Remove, Run, Touch, Write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hivectl.engine.steps import Step

# of one node: what only ever grows, by applying one tag after the other, must end somewhere
MOST_STEPS = 5000
GIVING = (Edit, Link, Remove, Write)


class Drift(Protocol):
    """Sees what steps come to."""

    def saw(self, step: Step, status: Status) -> bool:
        """See a step that has ended; tell whether it has drifted."""
        ...


def _lasting(step: Step) -> bool:
    """Tell whether a step leaves something that stays: commands, and times, are done anew each time."""
    if step.module.operations is None:
        return step.module.procedure is not None
    for one in step.iterations:
        for operation in one.operations:
            if operation.idempotent if isinstance(operation, Run) else not isinstance(operation, Touch):
                return True
    return False


class Bringing:
    """Of a run that applies: gathers what it has brought about."""

    def __init__(self) -> None:
        self._steps: dict[str, dict[bytes, None]] = {}
        # (node, path) -> the step that has given it its content last
        self._contents: dict[tuple[str, str], bytes] = {}

    def saw(self, step: Step, status: Status) -> bool:
        """Keep what the step has brought about."""
        if status in (Status.OK, Status.CHANGED) and _lasting(step) and (digest := desired_of(step)):
            steps = self._steps.setdefault(step.node, {})
            steps[digest] = None
            for one in step.iterations:
                for operation in one.operations:
                    if isinstance(operation, GIVING):
                        self._given(steps, (step.node, operation.path), digest, status)
        return False

    def _given(self, steps: dict[bytes, None], place: tuple[str, str], digest: bytes, status: Status) -> None:
        """See that a step has given a file its content."""
        before = self._contents.get(place, digest)
        if status is Status.CHANGED and before != digest:
            # this one undoes what that one did: such tasks change something at each run, and nobody else did
            steps.pop(before, None)
            steps.pop(digest, None)
        self._contents[place] = digest

    def steps(self, before: Mapping[str, bytes], whole: frozenset[str]) -> Iterator[tuple[str, bytes]]:
        """Return node -> digests; of nodes that did not do all of it, with those from `before`."""
        for node, digests in self._steps.items():
            old = b"" if node in whole else before.get(node, b"")
            kept = dict.fromkeys([*_split(old), *digests])
            yield node, b"".join(list(kept)[-MOST_STEPS:])


class Looking:
    """Of a run that only looks: compares with what was applied.

    Attributes:
        drifted: node -> names of steps.
    """

    def __init__(self, applied: Mapping[str, bytes]) -> None:
        self._applied = {node: frozenset(_split(digests)) for node, digests in applied.items()}
        self.drifted: dict[str, list[str]] = {}

    def saw(self, step: Step, status: Status) -> bool:
        """Tell whether the step would undo what somebody else has done."""
        known = self._applied.get(step.node)
        if not known or status is not Status.CHANGED or not _lasting(step):
            return False
        if (digest := desired_of(step)) is None or digest not in known:
            return False
        self.drifted.setdefault(step.node, []).append(step.task.name)
        return True

    def knows(self, node: str) -> bool:
        """Tell whether anything of the playbook was applied to a node."""
        return node in self._applied


def _split(digests: bytes) -> list[bytes]:
    return [digests[start : start + SIZE] for start in range(0, len(digests), SIZE)]
