"""`hivectl status`: nodes, who holds them, their last run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Inventories, OptionalSelector, Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.store.applied import AppliedRow

app = new_app()
APPS = {"status": app}


@app.command()
def status(
    selector: OptionalSelector = "all", *, inventories: Inventories = None, output: Output = Format.TABLE
) -> int:
    """Show nodes, who holds them until when and why, their last run, and whether they have drifted since.

    Example: hivectl status 'board=pico2-ice' --output json
    """
    from contextlib import closing

    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.tables import Column, when, write
    from hivectl.engine.lab import open_lab
    from hivectl.store.applied import Applied
    from hivectl.store.history import History
    from hivectl.store.reservations import StoredReservations

    lab = open_lab(inventories or ())
    nodes = chosen_nodes(lab, selector)
    with closing(lab.open_store()) as store:
        holders = StoredReservations(store).holders(nodes)
        runs = History(store).last_runs()
        applied = Applied(store).all()
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
                **_drift(applied.get(name, ())),
            }
        )
    columns = [
        Column("node", "NODE", whole=True),
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
        Column("drift", "DRIFT"),
        Column("drift_since", "SINCE"),
        Column("run", "RUN", whole=True),
        Column("drift_looked", "LOOKED", wide=True),
        Column("drift_steps", "DRIFTED", wide=True),
    ]
    write("nodes", columns, items, output, empty="the inventory has no nodes")
    return 0


def _drift(rows: "Sequence[AppliedRow]") -> "dict[str, Any]":
    """Return what is known of a node's drift: from what was last applied, of each playbook.

    `drift` is "none" as far as anybody has looked, "drifted", "unknown" (not all was applied, and nobody has looked
    since) or "never applied"; `drift_looked`: when the one that nobody has looked at for longest was looked at.
    """
    from hivectl.cli.tables import when

    drifted = [row for row in rows if row.drifted is not None]
    if not rows:
        state = "never applied"
    elif drifted:
        state = "drifted"
    else:
        state = "none" if all(row.whole or row.looked is not None for row in rows) else "unknown"
    return {
        "drift": state,
        "drift_since": when(min((row.drifted for row in drifted if row.drifted is not None), default=None)),
        "drift_looked": when(min((row.looked or row.at for row in rows), default=None)),
        "drift_steps": [f"{Path(row.playbook).name}: {step}" for row in drifted for step in row.what],
        "applied": [{"playbook": row.playbook, "run": row.run, "at": when(row.at)} for row in rows],
    }
