"""`hivectl vars`: a node's variables, and where they come from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import ExtraVariables, Format, Inventories, Output
from hivectl.model.errors import HivectlError, InputError

if TYPE_CHECKING:
    from hivectl.engine.lab import Lab
    from hivectl.model.variables import Scope

app = new_app()
APPS = {"vars": app}


@app.command("vars")
def variables(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node.")],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only variables like this: 'pump*'.")
    ] = None,
    *,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show where each value is written, and which ones it wins over.")
    ] = False,
    playbook: Annotated[
        Path | None,
        typer.Option(
            "--playbook", metavar="FILE", help="With group_vars and host_vars beside this playbook."
        ),
    ] = None,
    extra: ExtraVariables = None,
    inventories: Inventories = None,
    output: Output = Format.TABLE,
) -> int:
    """Show the variables that the inventory gives a node.

    Example: hivectl vars m1 --explain
    """
    from fnmatch import fnmatchcase

    from hivectl.cli.extra_variables import extra_variables
    from hivectl.cli.nodes import one_node
    from hivectl.cli.tables import Column, write
    from hivectl.engine.lab import beside, open_lab

    lab = open_lab(inventories or ())
    if playbook is not None:
        lab = beside(lab, playbook)
    found = one_node(lab, node)
    scope = scope_of(lab, found, extra_variables(extra or ()))
    names = sorted(each for each in scope if name is None or fnmatchcase(each, name))
    if name is not None and not names:
        from hivectl.model.suggestions import did_you_mean

        raise InputError(
            f"{found} has no variable '{name}'",
            hint=did_you_mean(name, scope) or f"`hivectl vars {found}` shows all",
        )
    columns = [Column("name", "VARIABLE"), Column("value", "VALUE")]
    if explain:
        columns += [
            Column("layer", "FROM"),
            Column("origin", "WRITTEN AT"),
            Column("raw", "AS WRITTEN", wide=True),
        ]
        items = [item for each in names for item in _explained(scope, each, output)]
    else:
        items = [{"name": each, "value": _value(scope, each)} for each in names]
    write("variables", columns, items, output, empty=f"{found} has no variables")
    return 0


def scope_of(lab: "Lab", node: str, extra: dict[str, Any]) -> "Scope":
    """Return a node's variables as the inventory and the command line give them, as a run sees them first."""
    from hivectl.model.inventory import connection_variables, group_names, node_layers
    from hivectl.model.templates import Templates
    from hivectl.model.variables import Layer, Scope

    inventory = lab.inventory
    entry = inventory.nodes[node]
    layers = [
        Layer("connection", connection_variables(entry)),
        *(Layer(name, values) for name, values in node_layers(inventory, entry)),
        Layer("-e", extra),
        Layer("magic", {"group_names": group_names(entry)}, data=True),
    ]
    return Scope(Templates(), layers)


def _value(scope: "Scope", name: str) -> Any:
    """Return a rendered value; one that cannot be rendered here (it needs facts, say) as it is written."""
    try:
        return scope[name]
    except HivectlError as error:
        return f"cannot be rendered: {error.message}"


def _explained(scope: "Scope", name: str, output: Format) -> list[dict[str, Any]]:
    """Return where a variable is given a value, the one that holds first."""
    sources = list(scope.explain(name))
    items = []
    for place, source in enumerate(sources):
        holds = place == 0
        items.append(
            {
                "name": name if holds or output is not Format.TABLE else "",
                "value": _value(scope, name) if holds else source.value,
                "holds": holds,
                "layer": source.layer if holds or output is not Format.TABLE else f"(loses) {source.layer}",
                "origin": None if source.origin is None else str(source.origin),
                "raw": source.value,
            }
        )
    return items
