"""From `--report NAME[=FILE]` to reporters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hivectl.model.errors import Complaints, InputError
from hivectl.model.plugins import built_in, built_in_names
from hivectl.report.base import Destination, Output, ReporterKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.report.base import Reporter

PACKAGE = "hivectl.report"


def reporter_names() -> tuple[str, ...]:
    """Return what `--report` takes, sorted."""
    return tuple(sorted(built_in_names(PACKAGE)))


def _parse(specification: str) -> tuple[ReporterKind, Path | None]:
    name, equals, file = specification.partition("=")
    kind = built_in(PACKAGE, "REPORTER", name)
    if not isinstance(kind, ReporterKind):
        from hivectl.model.suggestions import nearest

        known = reporter_names()
        guess = nearest(name, known)
        raise InputError(
            f"there is no report '{name}'",
            hint=f"did you mean '{guess}'?" if guess else f"there are {', '.join(known)}",
        )
    if equals and not file:
        raise InputError(
            f"--report {name}= names no file", hint=f"write --report {name}=FILE, or {name} alone"
        )
    return kind, Path(file) if file else None


def _open(path: Path) -> TextIO:
    # the usual mode less umask: reports hold redacted results only and are made to be shared
    try:
        return path.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as fault:
        raise InputError(f"the report file {path} cannot be written: {fault.strerror}") from fault


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
    specifications: Sequence[str], *, stdout: TextIO, stderr: TextIO, environment: Mapping[str, str]
) -> tuple[Reporter, ...]:
    """Open the reports that the command line asks for.

    Without any on standard output, `human` is added there, so that a person always sees the run.

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
    if all(path is not None for _, path in parsed):
        human = built_in(PACKAGE, "REPORTER", "human")
        assert isinstance(human, ReporterKind)
        parsed.append((human, None))
    reporters = []
    for kind, place in _streams(parsed, stdout, stderr):
        if isinstance(place, Path):
            output = Output(_open(place), str(place), owned=True)
        else:
            output = Output(place, "standard error" if place is stderr else "standard output")
        reporters.append(kind.make(Destination(output=output, environment=environment)))
    return tuple(reporters)
