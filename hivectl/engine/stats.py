"""What `set_stats` says of a run, put together as ansible-core's statistics are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

RUN = "_run"


class Stats:
    """Values by their owner: "_run", or a node's name.

    Attributes:
        values: owner -> name -> value, without secrets.
    """

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {}

    def take(
        self, node: str, outcomes: Iterable[Mapping[str, Any]], redact: Callable[[Any], tuple[Any, bool]]
    ) -> None:
        """Take in what a task of a node says, item by item."""
        for outcome in outcomes:
            said = outcome.get("ansible_stats")
            if not said or outcome.get("failed"):
                continue
            owned = self.values.setdefault(node if said["per_host"] else RUN, {})
            for name, value in redact(said["data"])[0].items():
                owned[name] = _added(owned[name], value) if said["aggregate"] and name in owned else value


def _added(known: Any, value: Any) -> Any:
    """Return both together: numbers and texts added, lists joined, mappings merged deep down; of two kinds the first."""
    if isinstance(known, dict) and isinstance(value, dict):
        both = known.keys() & value.keys()
        merged = {name: _merged(known[name], value[name]) for name in both}
        return {**known, **value, **merged}
    number = isinstance(known, int | float) and isinstance(value, int | float)
    if number or (isinstance(known, str | list) and type(known) is type(value)):
        return known + value
    return known


def _merged(known: Any, value: Any) -> Any:
    """Return what stands in a mapping under a name that both have: only mappings are put together."""
    return _added(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
