"""`hivectl evaluate`: the module by hand, its results on standard output as they come."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Format, Inventories, Output, Reports, Reservation, Selector, Wait
from hivectl.cli.run_options import Shared
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from hivectl.engine.lab import Lab

app = new_app()
APPS = {"evaluate": app}


@app.command("evaluate")
def evaluate(
    selector: Selector,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Bitstreams, .bin or .asc, or globs of them."),
    ],
    *,
    measure: Annotated[str, typer.Option("--measure", metavar="NAME", help="pulses or variance.")] = "pulses",
    window: Annotated[
        str | None, typer.Option("--window", "-w", metavar="TIME", help="Count for so long: 1s, 100ms.")
    ] = None,
    cycles: Annotated[
        int | None,
        typer.Option("--cycles", metavar="N", help="Count for so many cycles of the FPGA's clock."),
    ] = None,
    samples: Annotated[int | None, typer.Option("--samples", metavar="N", help="Of a variance.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", metavar="HZ", help="Samples a second.")] = None,
    repeats: Annotated[
        int | None, typer.Option("--repeats", "-n", metavar="N", help="Measure each so often.")
    ] = None,
    each: Annotated[
        bool, typer.Option("--each", help="Each circuit on every board, not on whichever is free.")
    ] = False,
    boards: Annotated[
        list[str] | None,
        typer.Option("--boards", metavar="FILE=NODE,...", help="Where a file or glob is measured."),
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            "--expect", metavar="FILE=VALUE", help="What it must count: 'div=46875', '*.bin=1000 +- 1%'."
        ),
    ] = None,
    expect_file: Annotated[
        Path | None,
        typer.Option("--expect-file", metavar="FILE", help="The same, as a YAML mapping."),
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option("--tolerance", metavar="N|N%", help="How far off is still right.")
    ] = None,
    save: Annotated[
        list[Path] | None,
        typer.Option("--save", metavar="FILE", help="Results as .jsonl, .csv, .xml (JUnit), .svg (a plot)."),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache", help="Take results that are known, and remember new ones.")
    ] = False,
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="The boards' firmware: auto, hivectl or icefarm.")
    ] = None,
    firmware: Annotated[
        Path | None,
        typer.Option("--firmware", metavar="FILE|DIR", help="Flash a board with it that nothing else helps."),
    ] = None,
    patience: Annotated[
        str | None,
        typer.Option("--patience", metavar="TIME", help="Beyond its window: then a board is silent."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", "-C", help="Look at the files alone.")] = False,
    output: Output = Format.TABLE,
    inventories: Inventories = None,
    reports: Reports = None,
    wait: Wait = None,
    reservation: Reservation = None,
) -> int:
    """Measure circuits on FPGA boards, spread over them, and show each result as it comes.

    Exits 1 when a circuit fails or counts something else than expected. Takes the boards for as long as it takes.

    Example: hivectl evaluate fpga 'circuits/*.bin' --window 1s --expect div.bin=46875 -o jsonl
    """
    from hivectl.bitstream.saving import Saving
    from hivectl.cli.evaluating import Teller
    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.reporting import chosen, run_reported
    from hivectl.model.parameters import convert
    from hivectl.modules.evaluate import Parameters, files_of, measurement_of

    arguments: dict[str, Any] = {
        "bitstreams": files,
        "folder": str(Path.cwd()),
        "measure": measure,
        "spread": not each,
        "cache": cache,
        "waveform": output is not Format.TABLE,
        "boards": dict(_boards(one) for one in boards or ()),
        "expect": {**_expected(expect_file), **dict(_pair(one) for one in expect or ())},
        "save": [str(path) for path in save or ()],
    }
    given = {
        "window": window,
        "cycles": cycles,
        "samples": samples,
        "rate": rate,
        "repeats": repeats,
        "tolerance": _number(tolerance),
        "protocol": protocol,
        "firmware": None if firmware is None else str(firmware.resolve()),
        "patience": patience,
    }
    arguments |= {name: value for name, value in given.items() if value is not None}
    # what is wrong with the command line is said before boards are asked for
    parameters = convert(Parameters, arguments, what="evaluate")
    measurement_of(parameters)
    names, _ = files_of(parameters, [Path.cwd()])
    Saving(save or ())
    lab = open_lab(inventories or ())
    nodes = chosen_nodes(lab, selector)
    _need_chosen(arguments["boards"], nodes)
    playbook = _playbook(lab, nodes, arguments)
    options = chosen(
        Shared(inventories=inventories, reports=reports),
        playbook=playbook,
        mode="check" if check else "apply",
        wait=wait,
        reservation=reservation,
    )
    teller = Teller(output, names, nodes, total=len(names) * (len(nodes) if each else 1))
    return run_reported(inventories or (), options, reports or (), teller).exit_code


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise InputError(f"{text!r} is no FILE=VALUE", hint="for example --expect div.bin=46875")
    return name, value


def _need_chosen(boards: dict[str, list[str]], nodes: tuple[str, ...]) -> None:
    """See that circuits are for nodes that are chosen; raises InputError."""
    for name, wanted in boards.items():
        if strange := [node for node in wanted if node not in nodes]:
            raise InputError(
                f"--boards {name}={','.join(wanted)}: {strange[0]} is not chosen",
                hint=f"chosen are {', '.join(nodes)}",
            )


def _boards(text: str) -> tuple[str, list[str]]:
    name, value = _pair(text)
    return name, [node.strip() for node in value.split(",")]


def _number(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _expected(path: Path | None) -> dict[str, Any]:
    """Return what a file expects; raises InputError when it is no mapping."""
    from hivectl.model.yaml import load_yaml

    if path is None:
        return {}
    expected = load_yaml(path)
    if not isinstance(expected, dict):
        raise InputError(
            f"{path} is no mapping of files to what is expected of them", hint="write `div.bin: 46875`"
        )
    return {str(name): value for name, value in expected.items()}


def _playbook(lab: "Lab", nodes: tuple[str, ...], arguments: dict[str, Any]) -> Path:
    """Write the playbook of one task that this is."""
    import hashlib
    import json

    from hivectl.model.origin import BY_HAND

    task = {"name": "Evaluate", "evaluate": arguments}
    play = {"name": "Evaluate", "hosts": ":".join(nodes), "gather_facts": False, "tasks": [task]}
    # JSON is YAML
    text = json.dumps([play], indent=1) + "\n"
    folder = lab.state / BY_HAND
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"evaluate-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yml"
    path.write_text(text, encoding="utf-8")
    return path
