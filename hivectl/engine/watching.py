"""Whoever watches the steps of a run: a plan, which learns what would be done, and `apply --plan`, which holds to one.

A watched operation is looked at on its node before it is done, in the round trip that does it (helper/node/observe.py).
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Protocol

from hivectl.engine.desired import desired_of, digest, is_private
from hivectl.engine.events import Status
from hivectl.engine.failures import NodeGoneError, one_line
from hivectl.engine.recall import looks
from hivectl.engine.saved_plan import PlannedStep
from hivectl.helper.operations import Run
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.engine.batches import Place
    from hivectl.engine.saved_plan import SavedPlan
    from hivectl.engine.state import StepEnd
    from hivectl.engine.steps import Step
    from hivectl.helper.operations import ItemResult
    from hivectl.model.playbook import Task
    from hivectl.modules.base import Result

# what brings tasks as the run goes on
INCLUDES = frozenset({"include_tasks", "include_role"})
UNTIL = "unknown until applied"
# in a result: a plan cannot know it; whatever uses it is not known either
UNOBSERVED = "unobserved"


class Watcher(Protocol):
    """Sees each step before it is taken, its operations as they are sent and come back, and what it comes to."""

    def prepared(self, step: Step) -> None:
        """See a step that is ready; raises NodeGoneError when it must not be done."""
        ...

    def places(self, places: list[Place]) -> list[Place]:
        """Return operations as they shall be sent."""
        ...

    def saw(self, place: Place, result: ItemResult) -> None:
        """See an operation's result; raises NodeGoneError when the node refused it."""
        ...

    def procedure(self, step: Step, index: int, result: Result) -> None:
        """See what a check of a procedure says; raises NodeGoneError when it must not be done."""
        ...

    def judged(self, step: Step, result: Result, status: Status) -> tuple[Result, Status]:
        """Return what a step comes to."""
        ...

    def ended(self, node: str, task: Task, end: StepEnd, reason: str) -> None:
        """See how a step ended; `reason`: without secrets."""
        ...

    def touched(self, node: str) -> tuple[str, ...]:
        """Return the paths that the run has changed on a node."""
        ...


@record(frozen=False)
class Sight:
    """What is remembered of where operations acted."""

    paths: dict[str, dict[str, None]] = field(default_factory=dict)

    def note(self, node: str, result: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
        """Remember the path that an operation has changed, or would."""
        if result.get("changed") and "path" in seen:
            self.paths.setdefault(node, {})[seen["path"]] = None

    def of(self, node: str) -> tuple[str, ...]:
        """Return the paths on a node."""
        return tuple(self.paths.get(node, ()))


def _is_watched(place: Place) -> bool:
    operation = place.item.operation
    # a command without a guard is not run by a check, so there is nothing to compare
    return not looks(operation) and not (isinstance(operation, Run) and not operation.idempotent)


class Planner:
    """Gathers a plan.

    Args:
        looking: the nodes are asked for what they find, since the plan is kept.

    Attributes:
        steps: node and key -> the step.
        blind: nodes that cannot tell what they find.
    """

    def __init__(self, *, looking: bool) -> None:
        self._looking = looking
        self._desired: dict[tuple[str, str], str | None] = {}
        self._seen: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
        self._sight = Sight()
        self.steps: dict[tuple[str, str], PlannedStep] = {}
        self.blind: set[str] = set()
        # node -> the first step of which nobody knows what it will have changed
        self._doubtful: dict[str, str] = {}

    def prepared(self, step: Step) -> None:
        """Remember what the step would have."""
        if self._looking:
            self._desired[step.node, step.key] = _desired_text(step)

    def places(self, places: list[Place]) -> list[Place]:
        """Have the nodes tell what they find."""
        if not self._looking:
            return places
        return [
            replace(place, item=replace(place.item, seen=_question(place))) if _is_watched(place) else place
            for place in places
        ]

    def saw(self, place: Place, result: ItemResult) -> None:
        """Remember what the node found."""
        step = place.step
        if (seen := result.result.pop("seen", None)) is not None:
            self._seen.setdefault((step.node, step.key), {})[place.item.key] = seen
            self._sight.note(place.iteration.actor or step.node, result.result, seen)
        elif place.item.seen is not None and not result.result.get("failed"):
            self.blind.add(place.iteration.actor or step.node)

    def procedure(self, step: Step, index: int, result: Result) -> None:
        """Remember what the procedure's check said."""
        if self._looking and not result.get("skipped"):
            self._seen.setdefault((step.node, step.key), {})[str(index)] = {"digest": _would(result)}

    def judged(self, step: Step, result: Result, status: Status) -> tuple[Result, Status]:
        """Take what a check has not tried for unknown, and failures that it may have brought about."""
        if result.get(UNOBSERVED) and step.task.module in INCLUDES:
            return result, Status.UNOBSERVED
        node, keywords = step.node, step.task.keywords
        if (
            status is Status.SKIPPED
            and step.module.decide is None
            and step.options.check
            and _untried(step, result)
        ):
            quiet = keywords.get("changed_when") is False
            why = "a plan does not run it, and it says that it changes nothing" if quiet else UNTIL
            result = {**result, UNOBSERVED: True, "msg": result["msg"] if result.get(UNOBSERVED) else why}
            if quiet:
                return result, status
            self._doubtful.setdefault(node, step.task.name)
            return result, Status.UNOBSERVED
        if status is Status.FAILED and node in self._doubtful and step.module.decide is None:
            why = f"{UNTIL}: {self._doubtful[node]} comes before; as it is now: {one_line(result)}"
            return {"changed": False, "skipped": True, UNOBSERVED: True, "msg": why}, Status.UNOBSERVED
        return result, status

    def ended(self, node: str, task: Task, end: StepEnd, reason: str) -> None:
        """Keep the step."""
        key = node, end.key
        unknown = end.status is Status.UNOBSERVED or bool(end.result.get(UNOBSERVED))
        self.steps[key] = PlannedStep(
            node=node,
            key=end.key,
            task=task.name,
            module=task.module,
            at=str(task.origin),
            status=str(end.status),
            desired=None if end.status is Status.UNOBSERVED else self._desired.pop(key, None),
            seen=self._seen.pop(key, {}),
            why=reason if unknown else "",
        )

    def touched(self, node: str) -> tuple[str, ...]:
        """Return the paths that would be changed on a node."""
        return self._sight.of(node)


def _untried(step: Step, result: Result) -> bool:
    if result.get(UNOBSERVED):
        return True
    outcomes = [one.outcome for one in step.iterations if one.outcome is not None and one.skipped is None]
    return any(one.get("skipped") and "false_condition" not in one for one in outcomes)


def _question(place: Place) -> dict[str, Any]:
    return {"private": True} if is_private(place.step, place.item.operation) else {}


def _desired_text(step: Step) -> str | None:
    """Return what a step would have as it stands in a saved plan."""
    found = desired_of(step)
    return None if found is None else found.hex()


def _would(result: Result) -> str:
    return digest((bool(result.get("changed")), bool(result.get("failed")))).hex()


class Guard:
    """Holds a run to a saved plan: a step is done as it was shown, on what was seen, or its node is left alone."""

    def __init__(self, plan: SavedPlan) -> None:
        self._steps = plan.by_step()
        self._handlers = {(step.node, _handler(step.key)): step for step in plan.steps}
        # whose plan could not know which tasks a file would bring
        self._open = {
            step.node for step in plan.steps if step.status == Status.UNOBSERVED and step.module in INCLUDES
        }
        self._sight = Sight()

    def _planned(self, step: Step) -> PlannedStep | None:
        known = self._steps.get((step.node, step.key))
        if known is None and step.key.startswith("h"):
            # handlers that only might have been notified have not run, so this one runs in an earlier round
            known = self._handlers.get((step.node, _handler(step.key)))
        return known

    def prepared(self, step: Step) -> None:
        """Hold a step against the plan; raises NodeGoneError."""
        planned = self._planned(step)
        if planned is None:
            if step.node not in self._open and step.module.decide is None and step.task.module != "meta":
                raise _stale("the plan does not have it")
        elif planned.desired is not None and planned.desired != _desired_text(step):
            raise _stale(
                "it would not do what the plan showed: a fact, a result or a variable behind it is another now",
            )

    def places(self, places: list[Place]) -> list[Place]:
        """Have the nodes compare what they find."""
        made = []
        for place in places:
            if _is_watched(place):
                planned = self._planned(place.step)
                inner = place.item.key.removeprefix(place.step.key)
                seen = planned.seen.get(planned.key + inner) if planned else None
                expected = seen if seen is not None else _question(place)
                place = replace(place, item=replace(place.item, seen=expected))  # noqa: PLW2901  # the same, watched
            made.append(place)
        return made

    def saw(self, place: Place, result: ItemResult) -> None:
        """Take what the node found; raises NodeGoneError when it is something else than was planned."""
        seen = result.result.pop("seen", None)
        if result.result.pop("stale", False):
            assert place.item.seen is not None
            raise _stale(_difference(place.item.seen, seen or {}))
        if seen is not None:
            self._sight.note(place.iteration.actor or place.step.node, result.result, seen)

    def procedure(self, step: Step, index: int, result: Result) -> None:
        """Hold what a procedure's check says now against what it said; raises NodeGoneError."""
        planned = self._planned(step)
        seen = planned.seen.get(str(index)) if planned else None
        if seen is not None and seen != {"digest": _would(result)}:
            raise _stale("a check of it says something else than when the plan was made")

    def judged(self, step: Step, result: Result, status: Status) -> tuple[Result, Status]:  # noqa: ARG002  # the protocol's
        """Return what a step comes to: as ever."""
        return result, status

    def ended(self, node: str, task: Task, end: StepEnd, reason: str) -> None:
        """Nothing is kept."""

    def touched(self, node: str) -> tuple[str, ...]:
        """Return the paths that the run has changed on a node."""
        return self._sight.of(node)


def _handler(key: str) -> str:
    """Return the key of a handler's step without the round that it runs in; "" for other steps."""
    return key.partition(".")[2] if key.startswith("h") else ""


def _stale(why: str) -> NodeGoneError:
    return NodeGoneError(f"the plan is stale: {why}; it was not done", stale=True)


WORDS = {
    "target": "the link's target",
    "content": "the content",
    "mode": "the mode",
    "owner": "the owner",
    "group": "the group",
}


def _difference(planned: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Say what is another now."""
    path = found.get("path")
    if path is None:
        return "what it found when the plan was made has changed since"
    if planned.get("path") != path:
        return f"it is about {path} now, and was about {planned.get('path')} when the plan was made"
    if planned.get("kind") != found.get("kind"):
        return f"{path} was {_kind(planned)} when the plan was made, and is {_kind(found)} now"
    names = [words for name, words in WORDS.items() if planned.get(name) != found.get(name)]
    return f"{' and '.join(names) or 'something'} of {path} changed since the plan was made"


def _kind(seen: Mapping[str, Any]) -> str:
    kind = str(seen.get("kind"))
    return f"a {kind}" if kind in {"file", "directory", "link"} else kind
