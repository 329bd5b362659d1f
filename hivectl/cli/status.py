"""`hivectl status` and `hivectl reservations`: how the lab is, who holds what, who waits for it."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Inventories, OptionalSelector, Output
from hivectl.model.errors import InputError

app, reservations_app = new_app(), new_app()
APPS = {"status": app, "reservations": reservations_app}

WATCH_SECONDS = 2.0
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show it again whenever something has changed.")]


@app.command()
def status(
    selector: OptionalSelector = "all",
    *,
    inventories: Inventories = None,
    watch: Watch = False,
    output: Output = Format.TABLE,
) -> int:
    """Show nodes, their health, who holds them until when and why, their last run, and whether they have drifted.

    Example: hivectl status 'board=pico2-ice' --output json
    """
    from hivectl.cli.lab_state import node_items
    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.tables import Column, write

    lab = open_lab(inventories or ())
    columns = [
        Column("node", "NODE", whole=True),
        Column("driver", "DRIVER", spare=True),
        Column("board", "BOARD"),
        Column("labels", "LABELS", wide=True),
        Column("hives", "HIVES", wide=True),
        Column("health", "HEALTH"),
        Column("health_since", "SINCE", spare=True),
        Column("health_reason", "WHY"),
        Column("holder", "HELD BY"),
        Column("until", "UNTIL"),
        Column("reason", "REASON"),
        Column("reservation", "RESERVATION", whole=True),
        Column("queue", "QUEUE", right=True),
        Column("last", "LAST RUN"),
        Column("changed", "CHANGED", right=True, spare=True),
        Column("ended", "ENDED", spare=True),
        Column("run", "RUN", whole=True, wide=True),
        Column("drift", "DRIFT"),
        Column("drift_since", "DRIFTED SINCE", spare=True),
        Column("drift_looked", "LOOKED", wide=True),
        Column("drift_steps", "DRIFTED", wide=True),
    ]

    def show() -> None:
        items = node_items(lab, chosen_nodes(lab, selector))
        write("nodes", columns, items, output, empty="the inventory has no nodes")

    return _again(show, watch=watch, output=output)


@reservations_app.command()
def reservations(
    *, inventories: Inventories = None, watch: Watch = False, output: Output = Format.TABLE
) -> int:
    """List the reservations that are held, waited for or booked.

    Example: hivectl reservations --watch
    """
    from hivectl.cli.lab_state import reservation_items
    from hivectl.cli.labs import open_lab
    from hivectl.cli.tables import Column, write

    lab = open_lab(inventories or ())
    columns = [
        Column("id", "ID", whole=True),
        Column("state", "STATE"),
        Column("position", "PLACE", right=True),
        Column("owner", "OWNER"),
        Column("nodes", "NODES"),
        Column("count", "COUNT", right=True),
        Column("priority", "PRIORITY", right=True),
        Column("since", "SINCE"),
        Column("until", "UNTIL"),
        Column("ends", "ENDS", wide=True),
        Column("reason", "REASON"),
    ]

    def show() -> None:
        write("reservations", columns, reservation_items(lab), output, empty="nobody holds or wants anything")

    return _again(show, watch=watch, output=output)


def _again(show: Callable[[], None], *, watch: bool, output: Format) -> int:
    """Show something once, or again whenever it has changed."""
    if not watch:
        show()
        return 0
    if output is not Format.TABLE:
        raise InputError("--watch is for people", hint="ask again with --output json")
    from hivectl.cli.running import run
    from hivectl.cli.watching import watch_table

    return run(watch_table(show, sys.stdout, WATCH_SECONDS))
