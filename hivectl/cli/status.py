"""`hivectl status`: nodes, who holds them, their last run."""

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Inventories, OptionalSelector, Output

app = new_app()
APPS = {"status": app}


@app.command()
def status(
    selector: OptionalSelector = "all", *, inventories: Inventories = None, output: Output = Format.TABLE
) -> int:
    """Show nodes, who holds them until when and why, and their last run.

    Example: hivectl status 'board=pico2-ice' --output json
    """
    from contextlib import closing

    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.tables import Column, when, write
    from hivectl.engine.lab import open_lab
    from hivectl.store.history import History
    from hivectl.store.reservations import StoredReservations

    lab = open_lab(inventories or ())
    nodes = chosen_nodes(lab, selector)
    with closing(lab.open_store()) as store:
        holders = StoredReservations(store).holders(nodes)
        runs = History(store).last_runs()
    items = []
    for name in nodes:
        node, holder, last = lab.inventory.nodes[name], holders.get(name), runs.get(name)
        items.append(
            {
                "node": name,
                "driver": list(dict.fromkeys(entry.driver for entry in node.connections)),
                "board": node.board,
                "labels": dict(node.labels),
                "hives": list(node.hives),
                "holder": holder.owner if holder else None,
                "until": holder.expires if holder else None,
                "reason": holder.reason if holder else None,
                "reservation": holder.reservation if holder else None,
                "last": last.status if last else None,
                "changed": last.changed if last else None,
                "ended": when(last.ended) if last else None,
                "run": last.run if last else None,
            }
        )
    columns = [
        Column("node", "NODE"),
        Column("driver", "DRIVER"),
        Column("board", "BOARD"),
        Column("labels", "LABELS"),
        Column("hives", "HIVES", wide=True),
        Column("holder", "HELD BY"),
        Column("until", "UNTIL"),
        Column("reason", "REASON"),
        Column("reservation", "RESERVATION", wide=True),
        Column("last", "LAST RUN"),
        Column("changed", "CHANGED", right=True),
        Column("ended", "ENDED"),
        Column("run", "RUN"),
    ]
    write("nodes", columns, items, output, empty="the inventory has no nodes")
    return 0
