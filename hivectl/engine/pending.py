"""Values that a template asks for before they are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hivectl.helper.facts_index import FACT_NAMES


class NotKnownYet(BaseException):
    """A template asked for something that the node must be asked first.

    Derived from BaseException, so that no filter's error handling and no `default` swallows it: the walk of the node
    catches it, finds the value, and renders again.
    """


class FactsNeeded(NotKnownYet):
    """Facts of these groups."""

    def __init__(self, groups: tuple[str, ...]) -> None:
        super().__init__(groups)
        self.groups = groups


class ResultNeeded(NotKnownYet):
    """The result of a step of the same node that is waiting to be sent."""


class OtherFactsNeeded(NotKnownYet):
    """Facts of another node."""

    def __init__(self, node: str, groups: tuple[str, ...]) -> None:
        super().__init__(node, groups)
        self.node = node
        self.groups = groups


class OtherNodeNeeded(NotKnownYet):
    """What another node has registered, which must first have come past that task."""

    def __init__(self, node: str, task: tuple[int, ...]) -> None:
        super().__init__(node, task)
        self.node = node
        self.task = task


class UnobservedNeeded(NotKnownYet):
    """A result that a plan cannot know; `since`: the task that would give it."""

    def __init__(self, name: str, since: str) -> None:
        super().__init__(f"unknown until applied: it uses `{name}`, which {since} gives")
        self.since = since


# what a node's own files say keeps its prefix in `ansible_facts`, as in Ansible
OWN = "ansible_local"


class AllFacts(Mapping[str, Any]):
    """`ansible_facts`: all facts of a node by their names without the prefix.

    Args:
        facts: by their names with the prefix; raises what must be asked for.
        need_all: raises that for all of them at once.
    """

    def __init__(self, facts: Mapping[str, Any], need_all: Callable[[], None]) -> None:
        self._facts = facts
        self._need_all = need_all

    def __getitem__(self, name: str) -> Any:
        return self._facts[name if name == OWN else f"ansible_{name}"]

    def __iter__(self) -> Iterator[str]:
        self._need_all()
        for name in self._facts:
            # some that there might be are not on this node
            if name != "ansible_facts" and self._has(name):
                yield name if name == OWN else name.removeprefix("ansible_")

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _has(self, name: str) -> bool:
        try:
            self._facts[name]
        except KeyError:
            return False
        return True


class LazyFacts(Mapping[str, Any]):
    """A node's facts: a group is gathered when one of its facts is first used.

    `ansible_facts` is all of them without the prefix, as in Ansible.
    """

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.groups: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name == "ansible_facts":
            return AllFacts(self, self.need_all)
        bare = name.removeprefix("ansible_")
        if bare == name:
            raise KeyError(name)
        if bare in self.known:
            return self.known[bare]
        group = FACT_NAMES.get(name)
        if group is None or group in self.groups:
            raise KeyError(name)
        raise FactsNeeded((group,))

    def __iter__(self) -> Iterator[str]:
        yield "ansible_facts"
        yield from FACT_NAMES
        yield from (f"ansible_{name}" for name in self.known if f"ansible_{name}" not in FACT_NAMES)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True  # without counting hundreds of names

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        bare = name.removeprefix("ansible_")
        if name == "ansible_facts" or (bare != name and bare in self.known):
            return True
        group = FACT_NAMES.get(name)
        return group is not None and group not in self.groups

    def need_all(self) -> None:
        """Ask for what has not been asked for yet; raises FactsNeeded."""
        missing = tuple(group for group in sorted(set(FACT_NAMES.values())) if group not in self.groups)
        if missing:
            raise FactsNeeded(missing)

    def add(self, facts: Mapping[str, Any], groups: tuple[str, ...] = ()) -> None:
        """Take facts in; `groups` are complete with them."""
        self.known.update({name.removeprefix("ansible_"): value for name, value in facts.items()})
        self.groups.update(groups)
