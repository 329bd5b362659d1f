"""Batches: operations on their way to a node, in whose name they travel, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.helper.operation import Operation
    from hivectl.model.secret import Secret


@record(kw_only=True)
class Fence:
    """The proof that this controller may change a node; a node refuses an older one.

    Attributes:
        store: identity of the lab's store; tokens of one store can be compared.
        token: grows with each grant on a node.
        owner: who holds it, for people.
        time_to_live: seconds for which the node believes it without hearing again.
    """

    store: str
    token: int
    owner: str
    time_to_live: float = 60.0


@record(kw_only=True)
class Become:
    """Another user on the node, by sudo.

    Attributes:
        user: whose rights.
        password: of the login, if sudo asks.
    """

    user: str = "root"
    password: Secret | None = None
    method: Literal["sudo"] = "sudo"


@record(kw_only=True)
class Item:
    """One operation in a batch.

    Attributes:
        key: names the operation in the journal, unique in a run and the same when it is resumed.
        step: items of one step share a number; after a failed step the rest of the batch is left.
        chain: items of one loop iteration share a number; after a failed item the rest of its chain is left,
            while the step's other chains go on.
        check: only say what would change.
        diff: add `diff` to the result.
        ignore_failure: the batch goes on after this step's failure.
        deadline: seconds that the operation may take once it has begun.
        seen: look first, and add what is found to the result as `seen`. A saved plan's own finding makes it a
            condition: where the node finds something else, the result is `failed` and `stale`, nothing is done, and
            the rest of the batch is left. `private` in it: without a digest of the content.
    """

    key: str
    step: int
    chain: int
    operation: Operation
    check: bool = False
    diff: bool = False
    ignore_failure: bool = False
    deadline: float | None = None
    seen: Mapping[str, Any] | None = None


@record(kw_only=True)
class Batch:
    """Operations that one node carries out in order, in one round trip.

    Attributes:
        run: identity of the run, for what the node remembers of operations in flight.
        fence: None only where nothing is locked (a command run without a reservation).
        touched: paths that this run has changed before, which no `seen` need know.
    """

    run: str
    items: tuple[Item, ...]
    fence: Fence | None = None
    touched: tuple[str, ...] = ()


@record(kw_only=True)
class ItemResult:
    """What became of one item.

    Attributes:
        index: its place in the batch.
        result: `changed`, `failed`, `skipped`, `msg`, `diff`, and what the operation adds.
        content: bytes that a Read without a sink brought.
        seconds: how long it took on the node.
        held: for how many seconds the node has kept it back for others to travel with.
    """

    index: int
    result: dict[str, Any]
    content: bytes | None = None
    seconds: float = 0.0
    held: float = 0.0


@record(kw_only=True)
class Progress:
    """What a node remembers of a run: the last operation that it began, and whether that one ended.

    Attributes:
        key: of the item; None when the node knows nothing of the run.
        ended: True with the result's `rc`, False while it runs or when it was cut off.
        running: what began it is still at it, although nobody listens.
    """

    run: str
    key: str | None = None
    ended: bool = False
    rc: int | None = None
    running: bool = False
