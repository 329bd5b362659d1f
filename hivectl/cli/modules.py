"""`hivectl modules` and `hivectl drivers`: what a task can do, and how a node can be reached."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Output

if TYPE_CHECKING:
    from hivectl.cli.tables import Column
    from hivectl.modules.base import Module

modules_app, drivers_app = new_app(), new_app()
APPS = {"modules": modules_app, "drivers": drivers_app}


@modules_app.command()
def modules(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show this module's parameters.")
    ] = None,
    *,
    output: Output = Format.TABLE,
) -> int:
    """List the modules, or show one with its parameters, an example and what it returns.

    Example: hivectl modules copy
    """
    from hivectl.cli.errors import usable
    from hivectl.cli.tables import Column, write
    from hivectl.modules.registry import find_module, module_names

    if name is not None:
        _show_module(find_module(name), output)
        return 0
    items = []
    for found, module in usable(module_names(), find_module).items():
        items.append(
            {
                "name": found,
                "summary": module.summary,
                "check_mode": module.check_mode,
                "needs": sorted(module.capabilities),
                "parameters": [one["name"] for one in _parameters(module.parameters)],
            }
        )
    columns = [
        Column("name", "MODULE"),
        Column("summary", "DOES"),
        Column("check_mode", "CHECK MODE", wide=True),
        Column("needs", "NEEDS", wide=True),
    ]
    write("modules", columns, items, output)
    return 0


def _show_module(module: "Module[Any]", output: Format) -> None:
    from hivectl.cli.tables import write

    parameters = _parameters(module.parameters)
    if output is not Format.TABLE:
        item = {
            "name": module.name,
            "summary": module.summary,
            "check_mode": module.check_mode,
            "needs": sorted(module.capabilities),
            "free_form": module.free_form,
            "parameters": parameters,
            "returns": dict(module.returns),
            "example": module.example,
        }
        if output is Format.CSV:
            write("parameters", _parameter_columns(), parameters, output)
        else:
            write("modules", [], [item], output)
        return
    print(f"{module.name}: {module.summary}\n")
    write("parameters", _parameter_columns(), parameters, output)
    if module.free_form:
        print(f"\nA plain text fills `{module.free_form}`.")
    words = {
        "full": "says what would change",
        "none": "is skipped",
        "always": "runs as ever, since it only looks",
    }
    print(f"\nIn check mode it {words.get(module.check_mode, module.check_mode)}.")
    if module.returns:
        print("\nReturns:")
        width = max(len(key) for key in module.returns)
        for key, meaning in module.returns.items():
            print(f"  {key:<{width}}  {meaning}")
    if module.example:
        print("\nExample:")
        print("\n".join(f"  {line}".rstrip() for line in module.example.strip("\n").splitlines()))


def _parameter_columns() -> "list[Column]":
    from hivectl.cli.tables import Column

    return [
        Column("name", "PARAMETER"),
        Column("type", "TYPE"),
        Column("default", "DEFAULT"),
        Column("description", "MEANING"),
        Column("required", "REQUIRED", wide=True),
        Column("aliases", "ALIASES", wide=True),
    ]


def _parameters(cls: type[Any]) -> list[dict[str, Any]]:
    from dataclasses import MISSING

    from hivectl.model.parameters import parameters_of

    return [
        {
            "name": one.name,
            "type": one.kind.words,
            "required": one.required,
            "default": "required" if one.required else None if one.default is MISSING else one.default,
            "choices": list(one.choices) if one.choices else None,
            "aliases": list(one.aliases),
            "description": one.description,
        }
        for one in parameters_of(cls)
    ]


@drivers_app.command()
def drivers(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show this driver's attributes.")
    ] = None,
    *,
    output: Output = Format.TABLE,
) -> int:
    """List the drivers and the power backends, or show one with the inventory keys that it takes.

    Example: hivectl drivers ssh
    """
    from hivectl.cli.errors import usable
    from hivectl.cli.tables import Column, write
    from hivectl.drivers.registry import driver_names, find_driver
    from hivectl.power.registry import backend_names, find_backend

    if name is not None:
        found: Any = find_backend(name) if name in backend_names() else find_driver(name)
        attributes = _parameters(found.attributes)
        if output is Format.TABLE:
            print(f"{found.name}: {found.summary}\n")
        write("attributes", _parameter_columns(), attributes, output)
        return 0
    items = []
    for one, driver in usable(driver_names(), find_driver).items():
        items.append({"name": one, "summary": driver.summary, "capabilities": sorted(driver.capabilities)})
    for one, backend in usable(backend_names(), find_backend).items():
        items.append({"name": one, "summary": backend.summary, "capabilities": ["power"]})
    columns = [Column("name", "DRIVER"), Column("capabilities", "CAN"), Column("summary", "REACHES")]
    write("drivers", columns, items, output)
    return 0
