"""Which nodes a text means: names, globs, ranges, hives, labels, `all`, `free`, `ungrouped`, joined as Ansible does.

`a:b` and `a,b` are unions, `:&c` keeps what is in c too, `:!d` leaves d out; first all unions, then all
intersections, then all exclusions, wherever they stand. An expression without a union starts from `all`.

A colon inside brackets or quotes joins nothing: `m[1:3]`, `address="10:22:33"`, `~"m(?:1|2)"`. What is in
quotes is taken as it is: no glob, no range.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from hivectl.model.errors import InputError
from hivectl.model.ranges import expand, has_range
from hivectl.model.suggestions import did_you_mean, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from hivectl.model.inventory import Inventory, Node
    from hivectl.model.origin import Origin

ALL = "all"
FREE = "free"
UNGROUPED = "ungrouped"
LONGEST = 100_000  # characters
_SUBSCRIPT = re.compile(
    r"(.+)\[(?:(-?[0-9]{1,9})|(-?[0-9]{0,9}):(-?[0-9]{0,9})|([0-9]{1,9})-([0-9]{1,9}))\]", re.DOTALL
)


class SelectorError(InputError):
    """A selector names what is not there, or cannot be understood."""


def select(
    expression: str | Sequence[str],
    inventory: Inventory,
    *,
    free: Callable[[], Collection[str]] | None = None,
    origin: Origin | None = None,
) -> tuple[str, ...]:
    """Return the names of the nodes that a selector means, in the inventory's order.

    Args:
        expression: the selector; a list of them is joined as with `,`.
        inventory: the nodes and hives.
        free: returns the nodes that nobody holds; needed for `free`.
        origin: where the selector is written.

    Raises:
        SelectorError: a name or label that is not there, with the nearest right one.
    """
    members = {name: hive.nodes for name, hive in inventory.hives.items()}
    selection = Selection(
        inventory.nodes, members.__getitem__, members, free=free, reservations=inventory.reservations
    )
    return selection.select(expression, origin=origin)


class Selection:
    """Nodes and hives to select from; hives are asked for only when they are named.

    Args:
        nodes: name -> node.
        members: returns the nodes of a hive in its order.
        hives: the names of all hives.
        free: returns the nodes that nobody holds.
        reservations: names that are no nodes, for complaints.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        members: Callable[[str], Sequence[str]],
        hives: Collection[str],
        *,
        free: Callable[[], Collection[str]] | None = None,
        reservations: Collection[str] = (),
    ) -> None:
        self._nodes = nodes
        self._members = members
        self._hives = hives
        self._free = free
        self._reservations = reservations
        self._labels: dict[str, dict[str, list[str]]] = {}

    def select(self, expression: str | Sequence[str], *, origin: Origin | None = None) -> tuple[str, ...]:
        """Return the selected names in the order of the nodes; raises SelectorError."""
        parts = [expression] if isinstance(expression, str) else list(expression)
        terms = [term for part in parts for term in split(part, origin=origin)]
        if not terms:
            raise SelectorError("a selector is empty", origin=origin, hint='"all" means every node')
        unions = [term for term in terms if term[0] not in "&!"]
        chosen = set(self._nodes) if not unions else set[str]()
        for term in unions:
            chosen.update(self.term(term, origin))
        for term in terms:
            if term.startswith("&"):
                chosen.intersection_update(self.term(term[1:].strip(), origin))
        for term in terms:
            if term.startswith("!"):
                chosen.difference_update(self.term(term[1:].strip(), origin))
        return tuple(name for name in self._nodes if name in chosen) if len(chosen) != 1 else tuple(chosen)

    def term(self, term: str, origin: Origin | None = None) -> Sequence[str]:
        """Return the nodes that one term means, in the order of its hive or of the nodes."""
        if not term:
            raise SelectorError("a selector has & or ! without a name behind it", origin=origin)
        if term in self._nodes:
            return (term,)
        if term in self._hives:
            return self._members(term)
        if term in {ALL, "*", FREE, UNGROUPED}:
            return self._of_all(term, origin)
        if term.startswith("~"):
            return self._matching(_compiled(_unquoted(term[1:])[0], term, origin))
        if "=" in term:
            return self._labelled(term, origin)
        return self._named(term, origin)

    def _of_all(self, term: str, origin: Origin | None) -> Sequence[str]:
        """Return every node, those that nobody holds, or those in no hive."""
        if term == FREE:
            return self._auxiliary(origin)
        if term != UNGROUPED:
            return tuple(self._nodes)
        grouped = {node for hive in self._hives for node in self._members(hive)}
        return [name for name in self._nodes if name not in grouped]

    def _named(self, term: str, origin: Origin | None) -> Sequence[str]:
        """A subscript of a hive, a range of names, a glob, or a name that is not there."""
        subscript = _SUBSCRIPT.fullmatch(term)
        if subscript and (subscript.group(1) in {*self._hives, ALL, FREE} or _is_glob(subscript.group(1))):
            return _subscripted(self.term(subscript.group(1), origin), subscript, origin)
        if has_range(term):
            found: list[str] = []
            for name, _ in expand(term, origin=origin):
                if name not in self._nodes and name not in self._hives:
                    raise self._missing(name, origin, f' (of "{term}")')
                found += self.term(name, origin)
            return found
        if _is_glob(term):
            return self._matching(re.compile(translate(term)))
        name, quoted = _unquoted(term)
        if quoted and (name in self._nodes or name in self._hives):
            return self.term(name, origin)
        raise self._missing(name, origin)

    def _matching(self, expression: re.Pattern[str]) -> Sequence[str]:
        """Return the nodes that match, or are in a hive that does; order of the nodes."""
        chosen = {name for name in self._nodes if expression.match(name)}
        for hive in self._hives:
            if expression.match(hive):
                chosen.update(self._members(hive))
        return [name for name in self._nodes if name in chosen]

    def _labelled(self, term: str, origin: Origin | None) -> Sequence[str]:
        key, _, wanted = term.partition("=")
        value, quoted = _unquoted(wanted)
        key = key.strip()
        fits: Callable[[str], object]
        fits = re.compile(translate(value)).match if _is_glob(value) and not quoted else value.__eq__
        if key == "hive":
            hives = [name for name in self._hives if fits(name)]
            if not hives and (quoted or not _is_glob(value)):
                raise self._no_label(key, value, self._hives, origin)
            chosen = {node for hive in hives for node in self._members(hive)}
            return [name for name in self._nodes if name in chosen]
        values = self._values(key)
        if not values:
            keys = {label for node in self._nodes.values() for label in node.labels} | {
                "driver",
                "board",
                "hive",
            }
            hint = did_you_mean(key, keys - {key}) or f"there are {listed(keys)}"
            raise SelectorError(f'no node has a label "{key}"', origin=origin, hint=hint)
        if quoted or not _is_glob(value):
            if value not in values:
                raise self._no_label(key, value, values, origin)
            return values[value]
        chosen = {name for one, names in values.items() if fits(one) for name in names}
        return [name for name in self._nodes if name in chosen]

    def _values(self, key: str) -> Mapping[str, list[str]]:
        """Return value of a label -> nodes that have it; looked up once."""
        if key not in self._labels:
            found: dict[str, list[str]] = {}
            for name, node in self._nodes.items():
                for value in label_values(node, key):
                    found.setdefault(value, []).append(name)
            self._labels[key] = found
        return self._labels[key]

    def _auxiliary(self, origin: Origin | None) -> Sequence[str]:
        if self._free is None:
            raise SelectorError('"free" changes from moment to moment; it cannot be used here', origin=origin)
        nodes = frozenset(self._free())
        return [name for name in self._nodes if name in nodes]

    @staticmethod
    def _no_label(key: str, value: str, known: Iterable[str], origin: Origin | None) -> SelectorError:
        names = list(known)
        hint = did_you_mean(value, names) or (f"there are {listed(names)}" if names else None)
        return SelectorError(f"no node has {key}={value}", origin=origin, hint=hint)

    def _missing(self, name: str, origin: Origin | None, which: str = "") -> SelectorError:
        if name in self._reservations:
            hint = "it is a reservation: `hivectl reserve` takes its name, selectors take its nodes"
        else:
            names = [*self._nodes, *self._hives, ALL, FREE]
            hint = did_you_mean(name, names) or (
                f"there are {listed(names)}" if len(names) > 2 else "the inventory has no nodes"
            )
        return SelectorError(f'there is no node or hive "{name[:100]}"{which}', origin=origin, hint=hint)


def label_values(node: Node, key: str) -> tuple[str, ...]:
    """Return a node's values of a label; `driver`, `board` and `hive` are labels of themselves."""
    if key == "driver":
        return tuple(dict.fromkeys(entry.driver for entry in node.connections))
    if key == "board":
        return (node.board,) if node.board else ()
    if key == "hive":
        return node.hives
    value = node.labels.get(key)
    return () if value is None else (value,)


def split(expression: str, *, origin: Origin | None = None) -> list[str]:
    """Return the terms of an expression, each with its & or !; colons in brackets or quotes do not part them."""
    if len(expression) > LONGEST:
        raise SelectorError(f"a selector is longer than {LONGEST} characters", origin=origin)
    terms: list[str] = []
    begin = depth = 0
    quote = ""
    for place, character in enumerate(expression):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth = max(0, depth - 1)
        elif character in ":,\n" and depth == 0:
            terms.append(expression[begin:place])
            begin = place + 1
    if quote:
        raise SelectorError(f"a quotation mark ({quote}) of the selector is never closed", origin=origin)
    if depth:
        raise SelectorError(
            "a bracket of the selector is never closed", origin=origin, hint="a range is written m[1:4]"
        )
    terms.append(expression[begin:])
    return [term.strip() for term in terms if term.strip()]


def _is_glob(text: str) -> bool:
    return any(character in text for character in "*?[")


def _unquoted(text: str) -> tuple[str, bool]:
    """Return a text without its quotes, and whether it had any."""
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1], True
    return text, False


def _compiled(expression: str, term: str, origin: Origin | None) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise SelectorError(f'"{term[:100]}" is no regular expression: {error}', origin=origin) from None


def _subscripted(nodes: Sequence[str], subscript: re.Match[str], origin: Origin | None) -> Sequence[str]:
    """Return one node or a stretch of them, both ends included, as Ansible counts: from 0, or from the end."""
    base, single, begin, end, first, last = subscript.groups()
    if single is not None:
        place = int(single)
        if not -len(nodes) <= place < len(nodes):
            raise SelectorError(
                f'"{base}" has {len(nodes)} nodes; there is no [{single}]',
                origin=origin,
                hint="the first one is [0]",
            )
        return (nodes[place],)
    start = int(first if first is not None else begin or 0)
    stop = int(last if last is not None else end or -1)
    return nodes[start:] if stop == -1 else nodes[start : stop + 1]
