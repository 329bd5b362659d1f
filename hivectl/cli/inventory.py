"""`hivectl inventory list`, `graph` and `import`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Inventories, OptionalSelector, Output

if TYPE_CHECKING:
    from hivectl.engine.lab import Lab
    from hivectl.model.inventory import Node

app = new_app()
APPS = {"inventory": app}


@app.callback()
def inventory() -> None:
    """Look at the inventory."""


@app.command("list")
def list_nodes(
    selector: OptionalSelector = "all", *, inventories: Inventories = None, output: Output = Format.TABLE
) -> int:
    """List nodes with their connections, labels and hives.

    Example: hivectl inventory list 'm*' --output json
    """
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.tables import Column, write
    from hivectl.engine.lab import open_lab

    lab = open_lab(inventories or ())
    items = [_item(lab.inventory.nodes[name]) for name in chosen_nodes(lab, selector)]
    columns = [
        Column("node", "NODE"),
        Column("driver", "DRIVER"),
        Column("board", "BOARD"),
        Column("labels", "LABELS"),
        Column("hives", "HIVES"),
        Column("on", "ON"),
        Column("virtual", "VIRTUAL"),
        Column("written", "WRITTEN AT"),
    ]
    write("nodes", columns, items, output, empty="the inventory has no nodes")
    return 0


def _item(node: "Node") -> dict[str, Any]:
    connections = node.connections
    return {
        "node": node.name,
        "driver": list(dict.fromkeys(entry.driver for entry in connections)),
        "board": node.board,
        "labels": dict(node.labels),
        "hives": list(node.hives),
        "on": [entry.on for entry in connections if entry.on],
        "virtual": [entry.virtual for entry in connections if entry.virtual],
        "connections": [{"name": entry.name, "driver": entry.driver} for entry in connections],
        "written": str(node.origin),
    }


@app.command()
def graph(selector: OptionalSelector = "all", *, inventories: Inventories = None) -> int:
    """Draw which nodes are in which hive, and what is plugged into what, as a tree.

    Example: hivectl inventory graph
    """
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.engine.lab import open_lab
    from hivectl.report.names import compressed

    lab = open_lab(inventories or ())
    nodes = chosen_nodes(lab, selector)
    shown = set(nodes)
    in_hives: set[str] = set()
    print("all")
    groups: list[tuple[str, list[str]]] = []
    for name, hive in lab.inventory.hives.items():
        members = [node for node in hive.nodes if node in shown]
        if members:
            groups.append((name, members))
            in_hives.update(members)
    rest = [node for node in nodes if node not in in_hives]
    for index, (name, members) in enumerate(groups):
        last = index == len(groups) - 1 and not rest
        print(f"{'└── ' if last else '├── '}{name}  ({len(members)})")
        _branches("    " if last else "│   ", compressed(members), members, lab)
    _branches("", compressed(rest), rest, lab)
    return 0


@app.command("import")
def import_inventory(
    file: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="The inventory of another project.")],
    *,
    format_name: Annotated[
        str, typer.Option("--format", metavar="NAME", help="Whose it is: ansible.")
    ] = "ansible",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to write it; else it is printed."),
    ] = None,
) -> int:
    """Write another project's inventory as one of ours; what cannot be taken over is named.

    Passwords are never written: `!env` references stand in their place.

    Example: hivectl inventory import hosts.ini --output inventory/lab.yml
    """
    from hivectl.cli.errors import say
    from hivectl.model.errors import InputError
    from hivectl.model.importing.formats import read_other
    from hivectl.model.importing.writing import written

    draft = read_other(file, format_name)
    text = written(draft, file.name)
    if output is None:
        print(text, end="")
    else:
        try:
            with output.open("x", encoding="utf-8") as target:
                target.write(text)
        except FileExistsError:
            raise InputError(
                f"{output} is there already", hint="name another file, or move it away"
            ) from None
        except OSError as error:
            raise InputError(f"cannot write {output}: {error.strerror}") from None
        say(f"{output}: {len(draft.nodes)} nodes, {len(draft.hives)} hives")
    for note in draft.notes:
        say(f"note: {note}")
    return 0


def _branches(indent: str, words: list[str], members: list[str], lab: "Lab") -> None:
    """Print nodes below their hive; a node that hangs on another one says so, alone on its line."""
    from hivectl.report.names import compressed

    through = {
        node: "+".join(dict.fromkeys(entry.on for entry in lab.inventory.nodes[node].connections if entry.on))
        for node in members
    }
    plain = compressed(node for node in members if not through[node]) if any(through.values()) else words
    lines = plain + [f"{node}  on {on}" for node, on in through.items() if on]
    for index, line in enumerate(lines):
        print(f"{indent}{'└── ' if index == len(lines) - 1 else '├── '}{line}")
