"""What a run writes of itself at the head of its journal, and what must be the same when it is resumed."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from hivectl.engine.inputs import digests_of, written_files
from hivectl.engine.journal import Header
from hivectl.engine.redactor import find_secrets
from hivectl.model.errors import InputError
from hivectl.store.process import owner

if TYPE_CHECKING:
    from hivectl.engine.journal import Record
    from hivectl.engine.lab import Lab
    from hivectl.engine.options import RunOptions
    from hivectl.model.playbook import Playbook


def header_of(lab: Lab, options: RunOptions, playbook: Playbook, run: str) -> Header:
    """Return the head of a run's journal: who does what with which files, less its secrets."""
    return Header(
        run=run,
        playbook=str(playbook.path.resolve()),
        inventories=tuple(str(path.resolve()) for path in lab.inventory.paths),
        mode=options.mode,
        owner=owner(),
        started=time.time(),
        inputs=digests_of(written_files(playbook, lab.inventory)),
        options={
            **({"plan": options.plan.run} if options.plan else {}),
            "limit": options.limit,
            "tags": sorted(options.tags),
            "skip_tags": sorted(options.skip_tags),
            **({"start_at": options.start_at} if options.start_at else {}),
            "variables": {
                name: value
                for name, value in options.extra_variables.items()
                if not any(find_secrets([value]))
            },
            "secret_variables": sorted(
                name for name, value in options.extra_variables.items() if any(find_secrets([value]))
            ),
        },
    )


def as_it_began(options: RunOptions, record: Record) -> RunOptions:
    """Return the options with those of the run that is resumed where the command line has none."""
    began = record.header.options
    return replace(
        options,
        limit=options.limit if options.limit is not None else began["limit"],
        tags=options.tags or frozenset(began["tags"]),
        skip_tags=options.skip_tags or frozenset(began["skip_tags"]),
        start_at=options.start_at or began.get("start_at"),
        extra_variables={**began["variables"], **options.extra_variables},
    )


def check_unchanged(record: Record, header: Header) -> None:
    """Refuse to go on with a run that is over, or whose files or options are others now; raises InputError."""
    if record.header.options.get("plan"):
        raise InputError(
            f"run {header.run} applied a saved plan, which is over: nodes are not what it saw any more",
            hint="plan again",
        )
    if record.status == "ok":
        raise InputError(f"run {header.run} is done: there is nothing to resume", hint="apply afresh")
    changed = [path for path, digest in header.inputs.items() if record.header.inputs.get(path) != digest]
    if changed or len(header.inputs) != len(record.header.inputs):
        what = ", ".join(changed) or "the set of files"
        raise InputError(f"run {header.run} cannot go on: {what} has changed since", hint="apply afresh")
    if dict(header.options) != dict(record.header.options):
        had = ", ".join(f"{name} {value}" for name, value in record.header.options.items() if value)
        raise InputError(
            f"run {header.run} had other options ({had or 'none'})",
            hint="give the same ones, or apply afresh",
        )
