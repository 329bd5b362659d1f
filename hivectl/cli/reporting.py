"""A run from the command line: its options, its reports, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from hivectl.cli.errors import tell, worst
from hivectl.cli.extra_variables import extra_variables
from hivectl.cli.passwords import asker, become_password
from hivectl.cli.running import run
from hivectl.cli.words import split_words
from hivectl.engine.events import Message
from hivectl.engine.options import FORKS, RunOptions
from hivectl.model.errors import ExitCode, HivectlError, InputError
from hivectl.report.base import Wishes
from hivectl.report.registry import open_reports
from hivectl.store.keys import given_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from hivectl.cli.run_options import Shared
    from hivectl.engine.events import Event, RunEnded
    from hivectl.engine.lab import Lab
    from hivectl.report.base import Reporter

TICKS_A_SECOND = 8


Mode: TypeAlias = Literal["apply", "check", "plan", "refresh"]


def chosen(
    shared: Shared,
    *,
    playbook: Path | None,
    mode: Mode,
    resume: str | None = None,
    wait: float | None = None,
    reservation: str | None = None,
    out: Path | None = None,
) -> RunOptions:
    """Return what the command line chose; asks for sudo's password.

    Raises:
        InputError: the playbook is missing, or an `-e` is malformed.
    """
    if playbook is not None and not playbook.is_file():
        if playbook.exists():
            what = "a folder" if playbook.is_dir() else "no regular file"
            raise InputError(f"the playbook {playbook} is {what}", hint="name a YAML file")
        raise InputError(f"there is no playbook {playbook}", hint=_playbooks_beside(playbook))
    return RunOptions(
        playbook=playbook,
        mode=mode,
        diff=mode in ("plan", "refresh") if shared.diff is None else shared.diff,
        limit=shared.limit,
        tags=split_words(shared.tags),
        skip_tags=split_words(shared.skip_tags),
        extra_variables=extra_variables(shared.extra or ()),
        extra_words=tuple(shared.extra or ()),
        forks=shared.forks or FORKS,
        resume=resume,
        wait=wait,
        reservation=given_key(reservation) if mode == "apply" else None,
        out=out,
        become=shared.become or shared.become_user is not None,
        become_user=shared.become_user,
        become_password=become_password(ask=shared.ask_become_pass),
        ask=asker(),
    )


def _playbooks_beside(path: Path) -> str | None:
    from hivectl.model.suggestions import nearest

    try:
        names = [item.name for item in path.parent.iterdir() if item.suffix in {".yml", ".yaml"}]
    except OSError:
        return f"there is no folder {path.parent}" if path.parent.name else None
    guess = nearest(path.name, names)
    return f"did you mean {path.parent / guess}?" if guess else None


def run_reported(
    inventories: Sequence[Path],
    options: RunOptions,
    reports: Sequence[str],
    own: Reporter | None = None,
    *,
    verbose: bool = False,
) -> RunEnded:
    """Run a playbook and tell of it; the exit code in what is returned knows of reports that failed.

    Args:
        inventories: of the lab.
        options: of the run.
        reports: as `--report` has them.
        own: a command's own reporter, which has standard output to itself; people see no other then.
        verbose: people also see what steps that went well gave.
    """
    from hivectl.cli.labs import open_lab

    lab = open_lab(inventories)
    reporters: tuple[Reporter, ...] = () if own is None else (own,)
    if own is not None and (bare := [one for one in reports if "=" not in one]):
        raise InputError(
            f"--report {bare[0]}: standard output is for the results", hint=f"write --report {bare[0]}=FILE"
        )
    reporters += open_reports(
        reports,
        stdout=sys.stdout,
        stderr=sys.stderr,
        environment=os.environ,
        people=own is None,
        wishes=Wishes(verbose=verbose, command=_apply_command(inventories)),
    )

    def emit(event: Event) -> None:
        for reporter in reporters:
            reporter(event)

    def say(text: str) -> None:
        emit(Message(time=time.time(), level="warning", text=text))

    faults: list[HivectlError] = []
    try:
        ended = run(_run(lab, options, reporters), say)
    finally:
        faults = _close(reporters)
    return replace(ended, exit_code=worst([ended.exit_code, *(fault.exit_code for fault in faults)]))


def _apply_command(inventories: Sequence[Path]) -> str:
    return " ".join(["hivectl apply", *(f"-i {shlex.quote(str(path))}" for path in inventories)])


def detailed(shared: Shared, ended: RunEnded) -> int:
    """Return the exit code: with `--detailed-exitcode` 2 when changes are pending, or may be, and nothing else is wrong."""
    pending = any(node.changed or node.unobserved for node in ended.nodes.values())
    if shared.detailed_exitcode and pending and ended.exit_code == ExitCode.DONE:
        return ExitCode.CHANGES_PENDING
    return ended.exit_code


async def _run(lab: Lab, options: RunOptions, reporters: Sequence[Reporter]) -> RunEnded:
    from hivectl.engine.run import run_playbook

    async with _ticking(reporters):
        return await run_playbook(lab, options, reporters)


@contextlib.asynccontextmanager
async def _ticking(reporters: Sequence[Reporter]) -> AsyncIterator[None]:
    """Tell the reporters the time while the block runs."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(1 / TICKS_A_SECOND)
            for reporter in reporters:
                reporter.tick(time.time())

    ticker = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticker


def _close(reporters: Sequence[Reporter]) -> list[HivectlError]:
    """Close every report, whatever becomes of the others; returns what went wrong, told already."""
    faults: list[HivectlError] = []
    for reporter in reporters:
        try:
            reporter.close()
        except HivectlError as fault:
            tell(fault)
            faults.append(fault)
    return faults
