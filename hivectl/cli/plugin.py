"""`hivectl plugin new`, `list` and `show`: what other packages add, and how to write one."""

from pathlib import Path
from typing import Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Output

app = new_app()
APPS = {"plugin": app}


@app.callback()
def plugin() -> None:
    """Modules, drivers and the like of other packages, and of your own."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the package, such as lab-light.")],
    *,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="`hivectl plugin kinds` lists them.")
    ] = "module",
    folder: Annotated[
        Path, typer.Option("--in", metavar="FOLDER", help="Where its folder is made.", show_default="here")
    ] = Path(),
) -> int:
    """Write a package with one plugin that works, its documentation, and tests that pass.

    Example: hivectl plugin new lab-light && cd lab-light && pip install -e '.[test]' && pytest
    """
    from hivectl.scaffold.plugin import kind_of, write_plugin

    files = write_plugin(name, kind_of(kind), folder)
    for file in files:
        print(file)
    root = files[0].parent
    typer.echo(f"now: cd {root} && pip install -e '.[test]' && pytest", err=True)
    return 0


@app.command()
def kinds(*, output: Output = Format.TABLE) -> int:
    """List the kinds of plugins.

    Example: hivectl plugin kinds
    """
    from hivectl.cli.tables import Column, write
    from hivectl.scaffold.plugin import KINDS

    items = [{"kind": one.name, "group": one.group, "summary": one.summary} for one in KINDS.values()]
    columns = [Column("kind", "KIND"), Column("group", "ENTRY POINTS"), Column("summary", "SAYS")]
    write("kinds", columns, items, output)
    return 0


@app.command()
def show(kind: Annotated[str, typer.Argument(metavar="KIND", help="Such as module.")]) -> int:
    """Say how a kind of plugin is written.

    Example: hivectl plugin show driver
    """
    from hivectl.scaffold.plugin import documentation, kind_of

    print(documentation(kind_of(kind)), end="")
    return 0


@app.command("list")
def list_plugins(*, output: Output = Format.TABLE) -> int:
    """List what installed packages add to hivectl.

    Example: hivectl plugin list
    """
    from hivectl.cli.tables import Column, write
    from hivectl.model.plugins import installed, package_of
    from hivectl.scaffold.plugin import KINDS

    items = [
        {
            "kind": kind.name,
            "name": name,
            "package": package_of(point),
            "version": point.dist.version if point.dist is not None else None,
            "value": point.value,
        }
        for kind in KINDS.values()
        for name, point in sorted(installed(kind.group).items())
        if package_of(point) != "hivectl"
    ]
    columns = [
        Column("kind", "KIND"),
        Column("name", "NAME"),
        Column("package", "PACKAGE"),
        Column("version", "VERSION"),
    ]
    write("plugins", columns, items, output, empty="no other package adds anything")
    return 0
