"""`hivectl exec`: one command on each node."""

from typing import Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import (
    AskBecomePass,
    Become,
    BecomeUser,
    Forks,
    Inventories,
    Reservation,
    Selector,
    Wait,
    a_time,
    some_time,
)
from hivectl.model.errors import InputError

app = new_app()
APPS = {"exec": app}


@app.command("exec")
def execute(
    selector: Selector,
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="-- COMMAND",
            help="One word is a line for the shell, with its pipes; several are run as they are.",
        ),
    ],
    *,
    inventories: Inventories = None,
    forks: Forks = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="TIME",
            parser=a_time,
            callback=some_time,
            help="Stop the command after this time: 30s, 5m.",
        ),
    ] = None,
    become: Become = False,
    become_user: BecomeUser = None,
    ask_become_pass: AskBecomePass = False,
    wait: Wait = None,
    reservation: Reservation = None,
) -> int:
    """Run one command in a new shell on each node, side by side.

    Nodes that printed the same share their output. Takes the nodes for as long as it runs; exits 5 and names the
    holder when somebody else has one.

    Example: hivectl exec 'm[1:3]' -- uname -a
    """
    import shlex

    from hivectl.cli.execution import execute_and_show
    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.passwords import become_password
    from hivectl.engine.adhoc import Execution
    from hivectl.engine.options import FORKS
    from hivectl.helper.operations import Become as BecomeAs
    from hivectl.store.keys import given_key

    # like ssh and docker: one word goes to the shell as it is, several are quoted
    line = command[0] if len(command) == 1 else shlex.join(command)
    if not line.strip():
        raise InputError("the command is empty", hint="hivectl exec SELECTOR -- COMMAND")
    lab = open_lab(inventories or ())
    password = become_password(ask=ask_become_pass)
    user = BecomeAs(user=become_user or "root", password=password) if become or become_user else None
    execution = Execution(
        command=line,
        forks=forks or FORKS,
        timeout=timeout,
        become=user,
        wait=wait,
        reservation=given_key(reservation),
    )
    return execute_and_show(lab, chosen_nodes(lab, selector), execution)
