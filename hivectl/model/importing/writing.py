"""A draft as the text of an inventory of ours, for people to read and go on with."""

from __future__ import annotations

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

from hivectl.model.importing.base import Reference
from hivectl.model.ranges import RangeError, expand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.model.importing.base import Draft, DraftNode

WIDTH = 100  # characters of a line that holds a whole mapping
SCHEMA = "# yaml-language-server: $schema=../schemas/inventory.schema.json"


def written(draft: Draft, source: str) -> str:
    """Return the inventory as YAML, what a person must look at first.

    Args:
        draft: the inventory.
        source: what it was made of.
    """
    lines = [SCHEMA, f"# made of {source}"]
    if draft.notes:
        lines += ["#", "# to look at by hand:", *(f"# - {note}" for note in draft.notes)]
    lines.append("version: 1")
    if draft.variables:
        lines += _section("vars", draft.variables)
    if draft.defaults:
        lines += _section("defaults", draft.defaults)
    lines += _section("nodes", dict(_nodes(draft)))
    if draft.hives:
        hives = {
            name: {"nodes": hive.members, **({"vars": hive.variables} if hive.variables else {})}
            for name, hive in draft.hives.items()
        }
        lines += _section("hives", hives)
    return "\n".join(lines) + "\n"


def _nodes(draft: Draft) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name or range -> entry; hosts that one range made and nothing tells apart stay together."""
    for pattern, nodes in groupby(draft.nodes.values(), lambda node: node.pattern):
        entries = {node.name: _entry(node) for node in nodes}
        first = next(iter(entries.values()))
        if len(entries) > 1 and all(one == first for one in entries.values()) and _is(pattern, entries):
            yield pattern, first
        else:
            yield from entries.items()


def _is(pattern: str, names: dict[str, Any]) -> bool:
    try:
        return [name for name, _ in expand(pattern)] == list(names)
    except RangeError:
        return False


def _entry(node: DraftNode) -> dict[str, Any]:
    entry = dict(node.attributes)
    if node.labels:
        entry["labels"] = node.labels
    if node.variables:
        entry["vars"] = node.variables
    return entry


def _section(name: str, values: dict[str, Any]) -> list[str]:
    lines = [f"{name}:" if values else f"{name}: {{}}"]
    for key, value in values.items():
        flow = _dumped({key: value}, flow=True)[1:-1]
        if len(flow) + 2 <= WIDTH and "\n" not in flow:
            lines.append(f"  {flow}")
        else:
            lines += [f"  {line}" for line in _dumped({key: value}, flow=False).splitlines()]
    return lines


def _dumped(value: Any, *, flow: bool) -> str:
    import yaml

    text: str = yaml.dump(
        value,
        Dumper=_dumper(),
        default_flow_style=flow,
        sort_keys=False,
        allow_unicode=True,
        width=1_000_000 if flow else WIDTH,
    )
    return text.strip("\n")


@cache
def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes references with their tags, mappings and lists of ours as plain ones, and no anchors."""

        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def reference(dumper: Any, data: Reference) -> Any:
        return dumper.represent_scalar(data.tag, data.name)

    Dumper.add_representer(Reference, reference)
    Dumper.add_multi_representer(dict, lambda dumper, data: dumper.represent_dict(data.items()))
    Dumper.add_multi_representer(list, lambda dumper, data: dumper.represent_list(data))
    Dumper.add_multi_representer(tuple, lambda dumper, data: dumper.represent_list(list(data)))
    Dumper.add_multi_representer(set, lambda dumper, data: dumper.represent_list(sorted(data, key=str)))
    return Dumper
