"""`hivectl flash` and `hivectl boards`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import (
    Diff,
    Format,
    Inventories,
    Output,
    Reports,
    Reservation,
    Selector,
    Wait,
    a_time,
    some_time,
)
from hivectl.cli.run_options import Shared
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from hivectl.boards.base import Board
    from hivectl.engine.lab import Lab

flash_app, boards_app = new_app(), new_app()
APPS = {"flash": flash_app, "boards": boards_app}


@flash_app.command()
def flash(
    node: Selector,
    image: Annotated[
        Path, typer.Argument(metavar="IMAGE", help="The file, or a folder of MicroPython sources.")
    ],
    *,
    flasher: Annotated[
        str | None,
        typer.Option("--flasher", metavar="NAME", help="How it gets there. Default: the board's best way."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="NAME=VALUE", help="What the flasher is told besides. May be repeated."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Flash it even where the board reports that it runs this image.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="TIME",
            parser=a_time,
            callback=some_time,
            help="Time that writing may take: 90s, 5m.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", "-C", help="Change nothing, say what would change.")
    ] = False,
    inventories: Inventories = None,
    diff: Diff = None,
    reports: Reports = None,
    wait: Wait = None,
    reservation: Reservation = None,
) -> int:
    """Put firmware or a bitstream on a board, where it runs something else.

    Takes the board for as long as it takes, and is a run like any other: `hivectl runs` lists it, and one that was
    cut off goes on by `hivectl apply --resume RUN`, which looks at the board first.

    Example: hivectl flash pico1 micropython.uf2 --diff
    """
    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.reporting import chosen, run_reported

    if not image.exists():
        raise InputError(f"there is no image {image}")
    arguments: dict[str, Any] = {"image": str(image.resolve()), "force": force}
    if flasher is not None:
        arguments["flasher"] = flasher
    if timeout is not None:
        arguments["timeout"] = timeout
    if option:
        arguments["options"] = dict(_pair(one) for one in option)
    lab = open_lab(inventories or ())
    playbook = _playbook(lab, chosen_nodes(lab, node), image.name, arguments)
    options = chosen(
        Shared(inventories=inventories, diff=diff, reports=reports),
        playbook=playbook,
        mode="check" if check else "apply",
        wait=wait,
        reservation=reservation,
    )
    return run_reported(inventories or (), options, reports or ()).exit_code


@boards_app.command()
def boards(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this board.")] = None,
    *,
    output: Output = Format.TABLE,
) -> int:
    """List the boards that are known, or show one with the ways in which it is flashed.

    Example: hivectl boards pico2-ice
    """
    from hivectl.boards.registry import board_names, find_board
    from hivectl.cli.errors import usable
    from hivectl.cli.tables import Column, write

    if name is not None:
        return _show(find_board(name), output)
    items = [
        {
            "name": board.name,
            "summary": board.summary,
            "flashed": list(dict.fromkeys(way.flasher for way in board.ways)),
            "measures": sorted(board.measures),
        }
        for board in usable(board_names(), find_board).values()
    ]
    columns = [
        Column("name", "BOARD"),
        Column("flashed", "FLASHED BY"),
        Column("measures", "MEASURES"),
        Column("summary", "WHAT IT IS"),
    ]
    write("boards", columns, items, output)
    return 0


def _show(board: "Board", output: Format) -> int:
    from hivectl.cli.tables import Column, write
    from hivectl.flash.programs import find_program
    from hivectl.flash.registry import find_flasher

    ways = []
    for way in board.ways:
        flasher = find_flasher(way.flasher)
        needs = flasher.program
        here = needs is None or find_program(needs) is not None
        ways.append(
            {
                "flasher": flasher.name,
                "takes": sorted(way.takes),
                "ready": "yes" if here else "no",
                "install": None if here or needs is None else needs.install,
                "options": dict(flasher.options),
                "summary": flasher.summary,
            }
        )
    if output is Format.TABLE:
        measures = f"; measures {', '.join(sorted(board.measures))}" if board.measures else ""
        print(f"{board.name}: {board.summary}{measures}")
        if board.firmware:
            print(f"default firmware: {board.firmware}")
        print()
    columns = [
        Column("flasher", "FLASHER"),
        Column("takes", "TAKES"),
        Column("ready", "INSTALLED"),
        Column("install", "HOW TO INSTALL"),
        Column("summary", "HOW"),
        Column("options", "OPTIONS", wide=True),
    ]
    write("ways", columns, ways, output)
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"--option {text!r} is no NAME=VALUE", hint="for example --option baud=115200")
    return name, value


def _playbook(lab: "Lab", nodes: tuple[str, ...], image: str, arguments: dict[str, Any]) -> Path:
    """Write the playbook of one task that this is; the same words make the same file, so that a run can go on."""
    import hashlib
    import json

    from hivectl.model.origin import BY_HAND

    task = {"name": f"Flash {image}", "flash": arguments}
    play = {"name": f"Flash {image}", "hosts": ":".join(nodes), "gather_facts": False, "tasks": [task]}
    # JSON is YAML
    text = json.dumps([play], indent=1) + "\n"
    folder = lab.state / BY_HAND
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"flash-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yml"
    path.write_text(text, encoding="utf-8")
    return path
