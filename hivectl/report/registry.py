"""From `--report NAME[=FILE]` to reporters."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hivectl.model.errors import Complaints, InputError
from hivectl.model.plugins import built_in, built_in_names, installed, load_as
from hivectl.report.base import Destination, Output, ReporterKind, Wishes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.report.base import Reporter

PACKAGE = "hivectl.report"
NO_WISHES = Wishes()
# the entry points of other packages; ours are found by their files, which costs no look at what is installed
GROUP = "hivectl.reporters"


def reporter_names() -> tuple[str, ...]:
    """Return what `--report` takes, sorted."""
    return tuple(sorted(built_in_names(PACKAGE) | set(installed(GROUP))))


def find_reporter(name: str) -> ReporterKind:
    """Return the kind of report called `name`.

    Raises:
        InputError: there is none; the nearest right name is in the hint.
        BrokenPluginError: another package's reporter cannot be loaded.
    """
    if isinstance(kind := built_in(PACKAGE, "REPORTER", name), ReporterKind):
        return kind
    point = installed(GROUP).get(name)
    if point is None:
        from hivectl.model.suggestions import nearest

        known = reporter_names()
        guess = nearest(name, known)
        raise InputError(
            f"there is no report '{name}'",
            hint=f"did you mean '{guess}'?" if guess else f"there are {', '.join(known)}",
        )
    return load_as(point, "report", ReporterKind)


def _parse(specification: str) -> tuple[ReporterKind, Path | None]:
    name, equals, file = specification.partition("=")
    kind = find_reporter(name)
    if equals and not file:
        raise InputError(
            f"--report {name}= names no file", hint=f"write --report {name}=FILE, or {name} alone"
        )
    return kind, Path(file) if file else None


def _output(kind: ReporterKind, path: Path) -> Output:
    """Open a report's file, with the usual mode less umask: reports are redacted and made to be shared."""
    try:
        if not path.parent.is_dir():
            raise InputError(
                f"the report file {path} cannot be written: there is no folder {path.parent}",
                hint=f"make it: mkdir -p {path.parent}",
            )
        if path.is_dir():
            raise InputError(f"the report file {path} cannot be written: it is a folder")
        regular = path.is_file() or not path.exists()
        beside = path.with_name(f".{path.name}.{os.getpid()}") if kind.whole and regular else path
        stream = beside.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as fault:
        raise InputError(f"the report file {path} cannot be written: {fault.strerror}") from fault
    if beside is path:
        return Output(stream, str(path), owned=True)
    return Output(stream, str(path), owned=True, finish=lambda: beside.replace(path))


def _streams(
    parsed: Sequence[tuple[ReporterKind, Path | None]], stdout: TextIO, stderr: TextIO
) -> list[tuple[ReporterKind, Path | TextIO]]:
    """Say where each report goes: one without a file on stdout; `human` gives way to stderr."""
    taken = [kind for kind, path in parsed if path is None and not kind.people]
    if len(taken) > 1:
        names = " and ".join(kind.name for kind in taken)
        raise InputError(
            f"{names} both want standard output", hint=f"write --report {taken[1].name}=FILE for one of them"
        )
    return [(kind, path or (stderr if kind.people and taken else stdout)) for kind, path in parsed]


def open_reports(
    specifications: Sequence[str],
    *,
    stdout: TextIO,
    stderr: TextIO,
    environment: Mapping[str, str],
    people: bool = True,
    wishes: Wishes = NO_WISHES,
) -> tuple[Reporter, ...]:
    """Open the reports that the command line asks for.

    Without any on standard output, `human` is added there, so that a person always sees the run; unless `people`
    are told by somebody else.

    Raises:
        InputError: an unknown report, a file that cannot be written, two reports on one stream; or Complaints
            of several.
    """
    parsed = []
    faults: list[InputError] = []
    for specification in dict.fromkeys(specifications):
        try:
            parsed.append(_parse(specification))
        except InputError as fault:
            faults.append(fault)
    if faults:
        raise faults[0] if len(faults) == 1 else Complaints(faults)
    if people and all(path is not None for _, path in parsed):
        human = built_in(PACKAGE, "REPORTER", "human")
        assert isinstance(human, ReporterKind)
        parsed.append((human, None))
    twice = [path for path, number in Counter(path for _, path in parsed if path).items() if number > 1]
    twice = [path for path in twice if not path.exists() or path.is_file()]
    if twice:
        raise InputError(f"two reports both want the file {twice[0]}", hint="name another for one of them")
    places = _streams(parsed, stdout, stderr)
    outputs = {place: _output(kind, place) for kind, place in places if isinstance(place, Path)}
    reporters = []
    for kind, place in places:
        if isinstance(place, Path):
            output = outputs[place]
        else:
            output = Output(place, "standard error" if place is stderr else "standard output")
        reporters.append(kind.make(Destination(output=output, environment=environment, wishes=wishes)))
    return tuple(reporters)
