"""`hivectl runs` and `hivectl run show`: the journal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Inventories, Output

if TYPE_CHECKING:
    from hivectl.engine.lab import Lab

runs_app, run_app = new_app(), new_app()
APPS = {"runs": runs_app, "run": run_app}


@runs_app.command()
def runs(
    *,
    inventories: Inventories = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=1_000_000, metavar="N", help="How many, newest first.")
    ] = 20,
    output: Output = Format.TABLE,
) -> int:
    """List the runs so far, newest first.

    Example: hivectl runs -n 5
    """
    from contextlib import closing

    from hivectl.cli.labs import open_past
    from hivectl.cli.tables import Column, when, write
    from hivectl.store.history import History

    with closing(open_past(inventories or ()).open_store()) as store:
        rows = History(store).runs(count)
    items = [
        {
            "run": row.run,
            "started": when(row.started),
            "seconds": None if row.ended is None else round(row.ended - row.started, 1),
            "mode": row.mode,
            "playbook": row.playbook,
            "nodes": row.nodes,
            "owner": row.owner,
            "status": row.status,
            "exit_code": row.exit_code,
        }
        for row in rows
    ]
    columns = [
        Column("run", "RUN", whole=True),
        Column("started", "STARTED"),
        Column("seconds", "SECONDS", right=True, spare=True),
        Column("mode", "MODE", spare=True),
        Column("playbook", "PLAYBOOK"),
        Column("nodes", "NODES", right=True, spare=True),
        Column("owner", "OWNER", spare=True),
        Column("status", "STATUS", whole=True),
        Column("exit_code", "EXIT", right=True, wide=True),
    ]
    write("runs", columns, items, output, empty="there are no runs yet")
    return 0


@run_app.callback()
def run() -> None:
    """Look at one run."""


@run_app.command()
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="As `hivectl runs` lists it, or `last`.")],
    *,
    inventories: Inventories = None,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="Only this node's steps.")
    ] = None,
    output: Output = Format.TABLE,
) -> int:
    """Show the steps of a run, as its journal has them.

    Example: hivectl run show last --node m1
    """
    from hivectl.cli.errors import say
    from hivectl.cli.labs import open_past
    from hivectl.cli.tables import Column, write
    from hivectl.engine.journal import read_journal

    lab = open_past(inventories or ())
    record = read_journal(lab.run_folder(), _latest(lab) if run_id == "last" else run_id)
    header = record.header
    say(
        f"{header.mode} {Path(header.playbook).name} by {header.owner}: {record.status or 'cut off or still running'}"
    )
    items: list[dict[str, Any]] = [
        {
            "node": step.node,
            "task": step.task or step.key,
            "status": step.status,
            "seconds": round(step.seconds, 3),
            "message": str(step.result.get("msg", "")),
            "key": step.key,
            "result": dict(step.result),
        }
        for step in record.steps.values()
        if node in {None, step.node}
    ]
    items += [
        {
            "node": name,
            "task": key,
            "status": "in flight",
            "seconds": None,
            "message": "",
            "key": key,
            "result": {},
        }
        for name, keys in record.intents.items()
        if node in {None, name} and record.status is None
        for key in keys
        if (name, key) not in record.steps
    ]
    columns = [
        Column("node", "NODE", whole=True),
        Column("task", "TASK"),
        Column("status", "STATUS"),
        Column("seconds", "SECONDS", right=True),
        Column("message", "MESSAGE"),
        Column("key", "KEY", wide=True),
    ]
    write("steps", columns, items, output, empty="no step of it has ended")
    if output is Format.TABLE:
        from hivectl.cli.run_details import show_failures

        show_failures([step for step in record.steps.values() if node in {None, step.node}])
    return 0


def _latest(lab: "Lab") -> str:
    from contextlib import closing

    from hivectl.model.errors import InputError
    from hivectl.store.history import History

    with closing(lab.open_store()) as store:
        rows = History(store).runs(1)
    if not rows:
        raise InputError("there are no runs yet", hint="hivectl apply PLAYBOOK makes one")
    return rows[0].run
