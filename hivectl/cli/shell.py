"""`hivectl shell`: a node's default shell, for a person at a terminal."""

from typing import Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Inventories, Reservation, Wait
from hivectl.model.errors import InputError

app = new_app()
APPS = {"shell": app}


@app.command("shell")
def shell(
    node: Annotated[str, typer.Argument(metavar="NODE", help="One node.")],
    *,
    inventories: Inventories = None,
    wait: Wait = None,
    reservation: Reservation = None,
) -> int:
    """Open a node's default shell: the tmux session that Python's Node uses, too, and that goes on without you.

    It runs what the node's `shell:` names, else the login shell. Leave it with tmux's keys (Ctrl-B, d). On a
    MicroPython board it is the REPL, with what runs there: Ctrl-C interrupts it, Ctrl-D starts the interpreter anew,
    Ctrl-] leaves everything as it is. Takes the node while you are in it; exits 5 and names the holder when somebody
    else has it.

    Example: hivectl shell m1
    """
    import sys

    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import one_node
    from hivectl.cli.running import run
    from hivectl.cli.terminal import converse
    from hivectl.store.keys import given_key

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError(
            "a shell needs a terminal, and standard input or output is none",
            hint="run one command with `hivectl exec NODE -- COMMAND`",
        )
    lab = open_lab(inventories or ())
    return run(converse(lab, one_node(lab, node), wait=wait, under=given_key(reservation)))
