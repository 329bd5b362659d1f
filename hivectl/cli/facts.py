"""`hivectl facts`: what a node says of itself."""

from typing import Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Forks, Format, Inventories, Output, Selector

app = new_app()
APPS = {"facts": app}


@app.command()
def facts(
    selector: Selector,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only facts like this: 'ansible_dist*'.")
    ] = None,
    *,
    inventories: Inventories = None,
    forks: Forks = None,
    output: Output = Format.TABLE,
) -> int:
    """Ask nodes for their facts, under the names that Ansible gives them.

    Example: hivectl facts m1 'ansible_distribution*'
    """
    from fnmatch import fnmatchcase

    from hivectl.cli.errors import tell, worst
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.running import run
    from hivectl.cli.tables import Column, write
    from hivectl.engine import adhoc
    from hivectl.engine.lab import open_lab
    from hivectl.engine.options import FORKS
    from hivectl.helper.operations import FACT_GROUPS
    from hivectl.model.errors import InputError

    lab = open_lab(inventories or ())
    outcomes = run(adhoc.facts(lab, chosen_nodes(lab, selector), FACT_GROUPS, forks=forks or FORKS))
    items = [
        {"node": outcome.node, "name": f"ansible_{fact.removeprefix('ansible_')}", "value": value}
        for outcome in outcomes
        for fact, value in sorted((outcome.value or {}).items())
        if name is None or fnmatchcase(fact.removeprefix("ansible_"), name.removeprefix("ansible_"))
    ]
    codes = [tell(outcome.error) for outcome in outcomes if outcome.error is not None]
    if not items and not codes:
        raise InputError(f"there is no fact '{name}'", hint=f"`hivectl facts {selector}` shows all")
    columns = [Column("node", "NODE"), Column("name", "FACT"), Column("value", "VALUE")]
    write("facts", columns if len(outcomes) > 1 or output is not Format.TABLE else columns[1:], items, output)
    return worst(codes)
