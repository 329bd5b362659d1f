"""Options that several commands share."""

# no `from __future__ import annotations` in the files of this folder: typer reads annotations at run time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How data is written."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def a_time(text: str) -> float:
    """Read a time on the command line, in seconds."""
    from hivectl.model.scalars import UnfitError, to_duration

    try:
        return to_duration(text)
    except UnfitError:
        raise typer.BadParameter(f"{text!r} is no time: write 90s, 30m or 2h") from None


def a_patience(text: str) -> float:
    """Read for how long to wait, in seconds; `inf` is for as long as it takes."""
    return float("inf") if text == "inf" else a_time(text)


def some_time(value: float | None) -> float | None:
    """Refuse a limit in which nothing could be done."""
    if value == 0:
        raise typer.BadParameter("0 leaves no time at all: write 90s, 30m or 2h")
    return value


Inventories = Annotated[
    list[Path] | None,
    typer.Option(
        "-i",
        "--inventory",
        metavar="FILE|DIR",
        help="Inventory, later ones win. Default: $HIVECTL_INVENTORY, else ./inventory.",
    ),
]
Output = Annotated[Format, typer.Option("--output", "-o", help="How to write the data.")]
Forks = Annotated[
    int | None,
    typer.Option("-f", "--forks", min=1, metavar="N", help="How many nodes at once. Default: 100."),
]
Selector = Annotated[
    str,
    typer.Argument(
        metavar="SELECTOR", help="Names, globs, ranges, hives, labels: 'm[1:3]:!m2', 'kind=microscope'."
    ),
]
OptionalSelector = Annotated[
    str,
    typer.Argument(
        metavar="[SELECTOR]", help="Names, globs, ranges, hives, labels: 'm[1:3]:!m2'. Default: all."
    ),
]
Playbook = Annotated[Path, typer.Argument(metavar="PLAYBOOK", help="The playbook.")]
Limit = Annotated[
    str | None, typer.Option("-l", "--limit", metavar="SELECTOR", help="Only these of the playbook's nodes.")
]
Tags = Annotated[
    list[str] | None,
    typer.Option("-t", "--tags", metavar="TAGS", help="Only tasks with one of these tags (a,b)."),
]
SkipTags = Annotated[
    list[str] | None,
    typer.Option("--skip-tags", metavar="TAGS", help="No tasks with one of these tags (a,b)."),
]
ExtraVariables = Annotated[
    list[str] | None,
    typer.Option("-e", "--extra-vars", metavar="K=V|JSON|@FILE", help="Variables that win over all others."),
]
Diff = Annotated[
    bool | None,
    typer.Option(
        "--diff/--no-diff", "-D", help="Show what changes in files; a plan does unless told not to."
    ),
]
DetailedExitcode = Annotated[
    bool, typer.Option("--detailed-exitcode", help="Exit 2 when changes are pending (plan, --check).")
]
Become = Annotated[bool, typer.Option("--become", "-b", help="As another user, by sudo.")]
BecomeUser = Annotated[
    str | None,
    typer.Option("--become-user", metavar="USER", help="Which user; implies --become. Default: root."),
]
AskBecomePass = Annotated[
    bool,
    typer.Option(
        "--ask-become-pass", "-K", help="Ask for sudo's password ($HIVECTL_BECOME_PASSWORD also gives it)."
    ),
]
Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        metavar="TIME",
        parser=a_patience,
        help="Wait this long (30s, 5m) for nodes that others hold.",
    ),
]
Reservation = Annotated[
    str | None,
    typer.Option(
        "--reservation",
        metavar="ID",
        help="Work under this reservation. Default: $HIVECTL_RESERVATION, else one for this command alone.",
    ),
]
Verbose = Annotated[
    int, typer.Option("--verbose", "-v", count=True, help="Also show what steps that went well gave.")
]
Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="NAME[=FILE]",
        help="How to tell of the run: human, jsonl, junit, github, or a package's. May be repeated.",
    ),
]
