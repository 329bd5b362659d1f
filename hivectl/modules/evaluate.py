"""`evaluate`: circuits on the FPGA boards of a play: pulses or variance of each, spread over the boards or on all."""

from __future__ import annotations

import asyncio
import contextlib
import glob
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from statistics import fmean
from typing import TYPE_CHECKING, Any

from hivectl.bitstream.evaluations import Evaluation, Measurement
from hivectl.bitstream.measuring import PULSES, VARIANCE
from hivectl.bitstream.opening import PROTOCOLS
from hivectl.drivers.base import Capability
from hivectl.model.errors import HivectlError
from hivectl.model.parameters import parameter
from hivectl.model.paths import cache_folder, user_path
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, NodeContext, Result, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hivectl.bitstream.cache import Cache
    from hivectl.bitstream.evaluations import Circuit
    from hivectl.bitstream.expecting import Expectation
    from hivectl.modules.metering import NodeSource

SHOWN = 5  # faults in a message


@record(kw_only=True)
class Parameters:
    """What `evaluate` takes."""

    bitstreams: list[str] = parameter(
        "Files on this machine, .bin or .asc, or globs of them: beside the playbook or in its `files`.",
        example="circuits/*.bin",
    )
    folder: str | None = parameter(
        "Folder on this machine in which they are looked for, and results are saved; absent: beside the playbook.",
        default=None,
        kind="path",
    )
    measure: str = parameter(
        "`pulses` counts rising edges; `variance` samples a voltage.",
        default=PULSES,
        choices=(PULSES, VARIANCE),
    )
    window: float | None = parameter(
        "For how long pulses are counted; 1s when neither this nor `cycles` says otherwise.",
        default=None,
        kind="duration",
        example="1s",
    )
    cycles: int | None = parameter("The window in cycles of the FPGA's clock.", default=None)
    samples: int = parameter("Samples of a variance.", default=500)
    rate: float = parameter("Samples a second.", default=10_000.0)
    repeats: int = parameter("How often each is measured on its board.", default=1)
    spread: bool = parameter(
        "Each circuit once, on whichever board is free; false: each circuit on each of its boards.",
        default=True,
    )
    boards: Mapping[str, Any] = parameter(
        "File or glob -> the nodes that it shall be measured on; others may be on any.",
        default={},
        example={"circuits/a*.bin": ["ice1", "ice2"]},
    )
    expect: Mapping[str, Any] = parameter(
        'File or glob -> what it must count: a number, "46875 +- 1%", or `minimum` and `maximum`.',
        default={},
        example={"div.bin": 46875},
    )
    tolerance: int | float | str | None = parameter(
        'How far from what is expected is still right, where nothing else is said: 2, or "1%".', default=None
    )
    save: list[str] = parameter(
        "Files on this machine that get the results as they come: .jsonl, .csv, .xml (JUnit), .svg (a plot).",
        default=[],
    )
    waveform: bool = parameter("Keep the samples of a variance in the task's result too.", default=False)
    cache: bool = parameter(
        "Take what is known of the same circuit, board and measurement from earlier, and remember what is new.",
        default=False,
    )
    protocol: str = parameter(
        "Which firmware the boards have; `auto` finds out.", default="auto", choices=PROTOCOLS
    )
    firmware: str | None = parameter(
        "What a board is flashed with that a reset does not help: a UF2 file, or a folder for its file system.",
        default=None,
    )
    patience: float = parameter(
        "Time beyond its window after which a board counts as silent.", default=20.0, kind="duration"
    )


async def group(parameters: Parameters, contexts: Mapping[str, NodeContext]) -> Mapping[str, Result]:
    """Measure everything, and return each node's own results and all values by file.

    Raises:
        ModuleError: what is asked makes no sense; nothing was measured.
    """
    from hivectl.bitstream.evaluating import Evaluating, Options
    from hivectl.bitstream.saving import Saving

    leader = next(iter(contexts.values()))
    work = await prepare(parameters, contexts)
    if leader.check:
        return {node: _checked(work.circuits) for node in contexts}
    evaluations: list[Evaluation] = []
    with contextlib.ExitStack() as stack:
        saving = stack.enter_context(Saving(work.folder / user_path(name) for name in parameters.save))
        cache = stack.enter_context(contextlib.closing(known_results())) if parameters.cache else None

        def emit(evaluation: Evaluation) -> None:
            evaluations.append(evaluation)
            saving.add(evaluation)
            contexts.get(evaluation.board, leader).partial(evaluation.plain())

        options = Options(
            each=not parameters.spread,
            patience=parameters.patience,
            cache=cache,
            say=lambda node, message: contexts[node].say(message),
        )
        evaluating = Evaluating(work.circuits, work.sources, work.measurement, options, emit)
        await evaluating.run()
    for node, reason in evaluating.lost.items():
        contexts[node].quarantine(f"evaluate: {reason}")
    results = _results(parameters, contexts, evaluations, evaluating.given_up)
    for node in evaluating.flashed:
        results[node]["changed"] = True
    for node, reason in evaluating.absent.items():
        results[node].update(unreachable=True, msg=reason)
    return results


@record(kw_only=True)
class Work:
    """What is to be done, worked out before any board is touched.

    Attributes:
        measurement: of each circuit.
        circuits: read and checked.
        sources: the boards.
        folder: in which results are saved.
    """

    measurement: Measurement
    circuits: list[Circuit]
    sources: list[NodeSource]
    folder: Path


async def prepare(parameters: Parameters, contexts: Mapping[str, NodeContext]) -> Work:
    """Work out what is to be done; raises InputError leaves and ModuleError where that makes no sense."""
    leader = next(iter(contexts.values()))
    measurement = measurement_of(parameters)
    folders = [Path(parameters.folder)] if parameters.folder else _folders(leader)
    circuits = await asyncio.to_thread(_circuits, parameters, leader, tuple(contexts), folders)
    sources = [_source(parameters, context) for context in contexts.values()]
    return Work(measurement=measurement, circuits=circuits, sources=sources, folder=folders[-1])


def measurement_of(parameters: Parameters) -> Measurement:
    """Return what is measured; raises WindowError where nobody can."""
    measurement = Measurement(
        measure=parameters.measure,
        seconds=parameters.window,
        cycles=parameters.cycles,
        samples=parameters.samples,
        rate=parameters.rate,
        repeats=parameters.repeats,
    )
    measurement.check()
    return measurement


def faults_of(parameters: Parameters) -> dict[str, HivectlError]:
    """Return what makes no sense in which parameter, whatever the files and boards are."""
    from hivectl.bitstream.expecting import expectation_of
    from hivectl.bitstream.saving import Saving

    faults: dict[str, HivectlError] = {}
    try:
        measurement_of(parameters)
    except HivectlError as error:
        faults["cycles" if parameters.cycles is not None else "window"] = error
    try:
        for given in parameters.expect.values():
            expectation_of(given, parameters.tolerance)
    except HivectlError as error:
        faults["expect"] = error
    try:
        Saving(user_path(name) for name in parameters.save)
    except HivectlError as error:
        faults["save"] = error
    return faults


def files_of(
    parameters: Parameters, folders: Sequence[Path]
) -> tuple[dict[str, Path], dict[str, Expectation]]:
    """Return the files that are meant, by their names, and what is expected of them.

    Raises:
        NoFilesError, ExpectationError: there are none, or something is expected of what is none of them.
    """
    from hivectl.bitstream.expecting import match_expectations
    from hivectl.bitstream.files import find_files

    files = find_files(parameters.bitstreams, folders)
    return files, match_expectations(tuple(files), parameters.expect, parameters.tolerance)


def _folders(context: NodeContext) -> list[Path]:
    return [context.find_file(".", folder) for folder in ("files", ".")]


def _circuits(
    parameters: Parameters, context: NodeContext, nodes: Sequence[str], folders: Sequence[Path]
) -> list[Circuit]:
    """Read every bitstream, before any board is touched."""
    from hivectl.bitstream.files import read_circuits

    files, expected = files_of(parameters, folders)
    boards = _boards(parameters, tuple(files), nodes, context)
    return read_circuits(files, boards=boards, expected=expected)


def _boards(
    parameters: Parameters, names: Sequence[str], nodes: Sequence[str], context: NodeContext
) -> dict[str, frozenset[str]]:
    """Return which nodes each file is for, where something is said of it."""
    found: dict[str, frozenset[str]] = {}
    for pattern, given in parameters.boards.items():
        wanted = [given] if isinstance(given, str) else given
        if (
            not isinstance(wanted, list | tuple)
            or not all(isinstance(one, str) for one in wanted)
            or not wanted
        ):
            raise ModuleError(f"`boards` of {pattern!r} must be a list of nodes", origin=context.origin)
        if strange := [node for node in wanted if node not in nodes]:
            raise ModuleError(
                f"`boards` of {pattern!r} names {strange[0]}, which is no node of this task",
                origin=context.origin,
                hint=f"its nodes are {', '.join(nodes)}",
            )
        fitting = [
            name
            for name in names
            if any(pattern == one or fnmatchcase(one, pattern) for one in (name, PurePath(name).name))
        ]
        if not fitting:
            raise ModuleError(
                f"`boards` names {pattern!r}, which is none of the files", origin=context.origin
            )
        for name in fitting:
            found.setdefault(name, frozenset(wanted))
    return found


def _source(parameters: Parameters, context: NodeContext) -> NodeSource:
    """Return a node as a board that measures; raises ModuleError where its kind cannot."""
    from hivectl.boards.registry import known_board
    from hivectl.modules.metering import NodeSource

    board = known_board(context.board) if context.board is not None else None
    if board is not None and parameters.measure not in board.measures:
        able = ", ".join(sorted(board.measures))
        raise ModuleError(
            f"{context.node} is a board {board.name}, which measures {able or 'nothing'}, not {parameters.measure}",
            origin=context.origin,
            hint="`hivectl boards` tells what each kind of board measures",
        )
    return NodeSource(
        context=context,
        device=(board.fpga or "") if board is not None else "",
        measure=parameters.measure,
        protocol=parameters.protocol,
        firmware=parameters.firmware,
    )


def known_results() -> Cache:
    """Return the results that this user's evaluations have kept; raises CacheError."""
    from hivectl.bitstream.cache import Cache

    return Cache(cache_folder() / "evaluations.db")


def _checked(circuits: Sequence[Circuit]) -> Result:
    """Return what check mode says: which files are bitstreams."""
    faults = [(circuit.name, str(circuit.error)) for circuit in circuits if circuit.error is not None]
    result: Result = {
        "changed": False,
        "results": [],
        "by_file": {},
        "by_board": {},
        "checked": len(circuits),
    }
    if faults:
        result.update(failed=True, msg=_message(faults, len(circuits)))
    return result


def _results(
    parameters: Parameters,
    contexts: Mapping[str, NodeContext],
    evaluations: Sequence[Evaluation],
    given_up: Mapping[str, str],
) -> dict[str, Result]:
    """Return each node's result: what went wrong without a board concerns all of them."""
    by_file: dict[str, list[float]] = {}
    by_board: dict[str, dict[str, float | int]] = {}
    for one in sorted(evaluations, key=lambda one: (one.circuit, one.board)):
        if one.value is not None:
            by_file.setdefault(one.name, []).append(one.value)
            by_board.setdefault(one.board, {})[one.name] = _number(one.value)
    values = {
        name: _number(fmean(found)) if len(set(found)) > 1 else _number(found[0])
        for name, found in by_file.items()
    }
    results: dict[str, Result] = {}
    for node in contexts:
        own = [one for one in evaluations if one.board == node]
        faults = [
            (one.name, one.unexpected or one.error)
            for one in sorted(evaluations, key=lambda one: one.circuit)
            if not one.ok and one.board in ("", node)
        ]
        results[node] = {
            "changed": False,
            "by_file": values,
            "by_board": by_board,
            "results": [one.plain(samples=parameters.waveform) for one in own],
        }
        if faults:
            results[node].update(failed=True, msg=_message(faults, len(evaluations)))
        if node in given_up:
            results[node]["given_up"] = given_up[node]
    return results


def _number(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _message(faults: Sequence[tuple[str, str]], total: int) -> str:
    """Return what went wrong with which file; what went wrong with several is said once."""
    names: dict[str, list[str]] = {}
    for name, fault in faults[:SHOWN]:
        # what is said of a file often names it already
        names.setdefault(fault, []).extend([] if fault.startswith(f"{name}:") else [name])
    parts = [": ".join(filter(None, (", ".join(dict.fromkeys(of)), fault))) for fault, of in names.items()]
    if len(faults) > SHOWN:
        parts.append(f"and {len(faults) - SHOWN} more")
    return f"{len(faults)} of {total} evaluations failed: {'; '.join(parts)}"


def sources(arguments: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the globs: a plain file that is not there fails alone."""
    given = arguments.get("bitstreams")
    patterns = given if isinstance(given, list) else [given]
    if "folder" not in arguments:
        for pattern in patterns:
            if isinstance(pattern, str) and glob.has_magic(pattern):
                yield Source("bitstreams", pattern)


MODULE = Module(
    name="evaluate",
    summary="Measure circuits on the FPGA boards of a play, spread over them or each on all",
    parameters=Parameters,
    group=group,
    faults=faults_of,
    # boards that have a REPL beside the firmware that measures: what runs neither has no FPGA either
    capabilities=frozenset({Capability.REPL}),
    sources=sources,
    example="""\
- name: Count pulses
  evaluate:
    bitstreams: circuits/*.bin
    window: 1s
    expect: {div.bin: 46875}
    save: [results.jsonl, counts.svg]
  register: pulses
""",
    returns={
        "by_file": "file -> its value; the mean where boards differ",
        "by_board": "node -> file -> its value there",
        "results": "what this node measured: file, board, value, values, deviation, error, unexpected, cached, ...",
        "given_up": "why this board was given up; its circuits went to others",
        "checked": "in check mode: how many files were looked at",
    },
)
