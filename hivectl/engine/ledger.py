"""What a run leaves in its journal and in the lab's store: that it began, how it ended, what it applied where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.engine.drift import Bringing, Looking
from hivectl.engine.events import NodeSummary
from hivectl.engine.plan import Tags
from hivectl.model.records import record
from hivectl.store.applied import Applied, AppliedRow
from hivectl.store.health import HEALTHY, OFFLINE, NodeHealth
from hivectl.store.history import History, NodeRun, RunRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hivectl.engine.events import RunEnded
    from hivectl.engine.journal import Header, Journal
    from hivectl.engine.sessions import Sessions
    from hivectl.engine.state import RunState
    from hivectl.store.base import Store


@record(frozen=False)
class Ending:
    """How a run ended, as far as that is not in its steps.

    Attributes:
        stop: "interrupted" or "terminated".
        lost: why the reservation was lost.
    """

    stop: str | None = None
    lost: str | None = None

    @property
    def early(self) -> bool:
        """Whether there are steps of which nothing can be said."""
        return self.stop is not None or self.lost is not None


class Ledger:
    """The rows of one run.

    Args:
        database: the lab's store.
        journal: of this run.
        header: of that journal.
    """

    def __init__(self, database: Store, journal: Journal, header: Header) -> None:
        self.history = History(database)
        self.applied = Applied(database)
        self._health = NodeHealth(database)
        self._journal = journal
        self._header = header

    def begin(self, nodes: int) -> None:
        """Write that the run is under way on so many nodes; raises StoreError."""
        self.history.begin(
            RunRow(
                run=self._header.run,
                playbook=self._header.playbook,
                mode=self._header.mode,
                owner=self._header.owner,
                started=self._header.started,
                ended=None,
                status="running",
                exit_code=None,
                nodes=nodes,
            )
        )

    def last_rows(
        self, state: RunState, sessions: Sessions, ending: Ending
    ) -> tuple[Callable[[RunEnded], None], ...]:
        """Return what writes down how the run ended: to be called one by one, whatever becomes of the others.

        Each raises a HivectlError where it cannot write.
        """
        return (
            self._close_journal,
            lambda ended: self._close_history(ended, state, ending),
            lambda _ended: self._close_health(state, sessions),
            lambda ended: self._close_drift(ended, state, ending),
        )

    def quarantine(self, node: str, reason: str) -> None:
        """Keep a node from being given to anybody; raises StoreError."""
        self._health.quarantine([node], reason, self._header.owner)

    def _close_journal(self, ended: RunEnded) -> None:
        self._journal.close({"time": ended.time, "status": ended.status, "exit_code": ended.exit_code})

    def _close_history(self, ended: RunEnded, state: RunState, ending: Ending) -> None:
        self.history.end(
            self._header.run,
            ended=ended.time,
            status=ended.status,
            exit_code=ended.exit_code,
            nodes=[] if state.options.check else list(self._node_runs(ended, state, ending)),
        )

    def _node_runs(self, ended: RunEnded, state: RunState, ending: Ending) -> Iterator[NodeRun]:
        for node, summary in ended.nodes.items():
            if summary != NodeSummary():  # a run that was refused leaves the node's last one
                yield NodeRun(
                    node=node,
                    run=self._header.run,
                    status=_node_status(
                        summary, failed=node in state.failures, stopped=ending.stop is not None
                    ),
                    changed=summary.changed,
                    ended=ended.time,
                )

    def _close_health(self, state: RunState, sessions: Sessions) -> None:
        reached = {node: (HEALTHY, "") for node, session in sessions.opened() if session.reached}
        gone = {node: (OFFLINE, state.failures.get(node, "")) for node in state.unreachable}
        known = state.scopes.inventory.nodes
        self._health.saw({node: seen for node, seen in (reached | gone).items() if node in known})

    def _close_drift(self, ended: RunEnded, state: RunState, ending: Ending) -> None:
        """Keep what was applied, or what a look has shown."""
        playbook = self._header.playbook
        bad = set(state.failures) | {
            node for node, one in ended.nodes.items() if one.failed or one.unreachable
        }
        # a run that was stopped, or that some tags were left out of, says nothing of what it has not done
        whole = not ending.early and state.plan.tags == Tags()
        done = frozenset(ended.nodes) - bad if whole else frozenset()
        if isinstance(state.drift, Bringing):
            before = self.applied.steps(playbook) if len(done) < len(ended.nodes) else {}
            rows = [
                (
                    AppliedRow(
                        node=node, playbook=playbook, run=self._header.run, at=ended.time, whole=node in done
                    ),
                    steps,
                )
                for node, steps in state.drift.steps(before, done)
            ]
            if rows:
                self.applied.put(rows)
        elif isinstance(state.drift, Looking):
            look = state.drift
            seen = {
                node: (look.drifted.get(node, ()), node in done)
                for node, one in ended.nodes.items()
                if look.knows(node) and one != NodeSummary()
            }
            if seen:
                self.applied.look(playbook, ended.time, seen)


def _node_status(summary: NodeSummary, *, failed: bool, stopped: bool) -> str:
    if stopped:
        return "interrupted"
    if summary.unreachable:
        return "unreachable"
    if failed or summary.failed:
        return "failed"
    return "changed" if summary.changed else "ok"
