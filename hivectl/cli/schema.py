"""`hivectl schema`: JSON Schemas for editors."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hivectl.cli.app import new_app
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

app = new_app()
APPS = {"schema": app}
EVENTS_TABLE = "events.md"


class SchemaName(StrEnum):
    """Which schema."""

    INVENTORY = "inventory"
    PLAYBOOK = "playbook"
    TASKS = "tasks"
    ARGUMENT_SPECS = "argument_specs"
    EVENTS = "events"


class SchemaFileError(InputError):
    """A schema could not be written."""


@app.command()
def schema(
    name: Annotated[
        SchemaName | None,
        typer.Argument(metavar="[NAME]", help="Which one to print: " + ", ".join(SchemaName) + "."),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Write all as files into this folder."),
    ] = None,
) -> int:
    """Print the JSON Schema of inventories or playbooks, with every module and driver that is installed, or of events.

    Events are what `--report jsonl` writes. A file that begins with `# yaml-language-server: $schema=schemas/playbook.schema.json` is completed and
    checked by editors.

    Example: hivectl schema --output schemas
    """
    if (name is None) == (output is None):
        raise InputError(
            "name a schema to print, or a folder to write all into", hint="hivectl schema inventory"
        )
    if name is not None:
        print(text_of(name), end="")
        return 0
    assert output is not None
    try:
        output.mkdir(parents=True, exist_ok=True)
        for one in SchemaName:
            (output / f"{one}.schema.json").write_text(text_of(one), encoding="utf-8")
        (output / EVENTS_TABLE).write_text(events_table(), encoding="utf-8")
    except OSError as error:
        raise SchemaFileError(f"the schemas cannot be written to {output}: {error.strerror}") from error
    return 0


def text_of(name: SchemaName) -> str:
    """Return a schema as its file has it."""
    import json

    make = {
        SchemaName.INVENTORY: _inventory,
        SchemaName.PLAYBOOK: _playbook,
        SchemaName.TASKS: _tasks,
        SchemaName.ARGUMENT_SPECS: _argument_specs,
        SchemaName.EVENTS: _events,
    }
    return json.dumps(make[name](), indent=1, ensure_ascii=False) + "\n"


def events_table() -> str:
    """Return the events and their fields as people read them."""
    from hivectl.engine import event_schemas

    return event_schemas.events_table()


def _events() -> dict[str, Any]:
    from hivectl.engine.event_schemas import events_schema

    return events_schema()


def _inventory() -> dict[str, Any]:
    from hivectl.cli.errors import usable
    from hivectl.drivers.registry import driver_names, find_driver
    from hivectl.model.editor_schemas import inventory_schema
    from hivectl.power.registry import backend_names, find_backend

    drivers = usable(driver_names(), find_driver)
    backends = usable(backend_names(), find_backend)
    return inventory_schema(
        {name: driver.attributes for name, driver in drivers.items()},
        {name: backend.attributes for name, backend in backends.items()},
    )


def _tasks() -> dict[str, Any]:
    """Return the schema of files of tasks and handlers, which stands beside that of playbooks."""
    from hivectl.model.editor_schemas import DIALECT

    return {"$schema": DIALECT, "title": "hivectl tasks", "$ref": "playbook.schema.json#/$defs/tasks"}


def _argument_specs() -> dict[str, Any]:
    from hivectl.model.argument_specs import specs_schema

    return specs_schema()


def _playbook() -> dict[str, Any]:
    from hivectl.cli.errors import usable
    from hivectl.model.editor_schemas import playbook_schema
    from hivectl.model.keywords import (
        BlockKeywords,
        ImportKeywords,
        PlayKeywords,
        TaskKeywords,
        keyword_schemas,
    )
    from hivectl.model.lookups.registry import lookup_names
    from hivectl.model.loop_forms import with_schemas
    from hivectl.modules.registry import find_module, module_names

    modules = {
        name: (module.parameters, module.free_form, module.summary)
        for name, module in usable(module_names(), find_module).items()
    }
    return playbook_schema(
        keyword_schemas(PlayKeywords) | _of_imports(keyword_schemas(ImportKeywords)),
        keyword_schemas(TaskKeywords) | with_schemas(lookup_names()),
        modules,
        block_keywords=keyword_schemas(BlockKeywords),
    )


def _of_imports(keywords: "Mapping[str, Any]") -> dict[str, Any]:
    return {name: keywords[name] for name in ("import_playbook", "when")}
