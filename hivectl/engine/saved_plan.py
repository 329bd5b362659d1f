"""A plan in a file: what was chosen, what it stands on, what was seen, and what each step would do.

The file is JSON: `{"hivectl_plan": 1, …, "digest": …}`. It holds digests of files, of what each step would have, and
of what the nodes were found to be; no content of any file, no result, no secret. A later hivectl may write a newer
version, which an older one refuses.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import asdict, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl import __version__
from hivectl.engine.inputs import differences, digests_of
from hivectl.model.errors import Complaints, ExitCode, HivectlError, InputError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hivectl.engine.journal import Header
    from hivectl.engine.options import RunOptions

PLAN_VERSION = 1


class PlanFileError(InputError):
    """A file is no plan that this hivectl can use, or a plan cannot be written."""


class StalePlanError(HivectlError):
    """A saved plan does not hold any more: what it stands on, or what was seen, has changed."""

    exit_code = ExitCode.STALE_PLAN


@record(kw_only=True)
class PlannedStep:
    """What a plan says of one step.

    Attributes:
        key: of the step in its node's walk.
        at: the place of the task.
        status: as it was shown.
        desired: a digest of what it would have; None: not known before it is applied.
        seen: key of an operation -> what the node found before it would act.
        why: why nothing is known, one sentence.
    """

    node: str
    key: str
    task: str
    module: str
    at: str
    status: str
    desired: str | None = None
    seen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    why: str = ""


@record(kw_only=True)
class SavedPlan:
    """A plan as its file has it.

    Attributes:
        made: when, in seconds since the epoch.
        playbook, inventories: absolute paths.
        choices: the command line's choices that shape the plan, `-e` as it was written.
        inputs: file -> sha256, all that was read.
        written: those of them that are read before a run begins.
        nodes: all that it may touch.
    """

    hivectl: str = __version__
    made: float
    run: str
    playbook: str
    inventories: Sequence[str]
    choices: Mapping[str, Any]
    inputs: Mapping[str, str]
    written: Sequence[str]
    nodes: Sequence[str]
    steps: Sequence[PlannedStep]

    def by_step(self) -> dict[tuple[str, str], PlannedStep]:
        """Return the steps by node and key."""
        return {(step.node, step.key): step for step in self.steps}


def planned(
    options: RunOptions,
    header: Header,
    nodes: Sequence[str],
    files: Mapping[Any, Path],
    steps: Mapping[tuple[str, str], PlannedStep],
) -> SavedPlan:
    """Return what a run that planned has found.

    Args:
        options: the command line's choices.
        header: what the run stands on.
        nodes: all that it may touch.
        files: those that tasks read.
        steps: what each would do.
    """
    words = [Path(word[1:]) for word in options.extra_words if word.startswith("@")]
    return SavedPlan(
        made=header.started,
        run=header.run,
        playbook=header.playbook,
        inventories=header.inventories,
        choices={
            "limit": options.limit,
            "tags": sorted(options.tags),
            "skip_tags": sorted(options.skip_tags),
            "extra": [_absolute(word) for word in options.extra_words],
            "diff": options.diff,
            "become": options.become,
            "become_user": options.become_user,
        },
        inputs={**digests_of([*words, *files.values()]), **header.inputs},
        written=sorted(header.inputs),
        nodes=list(nodes),
        steps=list(steps.values()),
    )


def _absolute(word: str) -> str:
    return f"@{Path(word[1:]).resolve()}" if word.startswith("@") else word


def refuse_stale_inputs(plan: SavedPlan) -> None:
    """Refuse a plan of whose files one has changed since; raises Complaints of StalePlanError, one for each."""
    _refuse(differences(plan.inputs, digests_of(map(Path, plan.inputs))))


def refuse_other_plan(plan: SavedPlan, inputs: Mapping[str, str], nodes: Sequence[str]) -> None:
    """Refuse a plan to which files or nodes have come, or from which nodes have gone; raises as above."""
    known = dict.fromkeys(plan.written, "")
    found = [*differences(known, dict.fromkeys(inputs, ""))]
    found += [f"{node} is among the nodes now" for node in nodes if node not in plan.nodes]
    found += [f"{node} is no more among the nodes" for node in plan.nodes if node not in nodes]
    _refuse(found)


def _refuse(found: Iterable[str]) -> None:
    errors = [StalePlanError(f"the plan is stale: {what}", hint="plan again") for what in found]
    if errors:
        raise errors[0] if len(errors) == 1 else Complaints(errors)


def check_place(path: Path) -> None:
    """Say before anything is done that a plan could not be written; raises PlanFileError."""
    if not path.parent.is_dir():
        raise PlanFileError(
            f"the plan cannot be written to {path}: there is no folder {path.parent}",
            hint=f"make it: mkdir -p {path.parent}",
        )
    what = None
    if path.is_dir():
        what = "it is a folder"
    elif path.exists() and not path.is_file():
        what = "it is a device or a pipe, which a file would take the place of"
    elif not os.access(path.parent, os.W_OK):
        what = f"nobody may write into {path.parent}"
    if what is not None:
        raise PlanFileError(f"the plan cannot be written to {path}: {what}")


def write_plan(path: Path, plan: SavedPlan) -> None:
    """Put a plan in its file, which only its owner can read from the first moment.

    Raises:
        PlanFileError: it cannot be written; what was there before is still there.
    """
    body = asdict(plan)
    text = json.dumps({"hivectl_plan": PLAN_VERSION, **body, "digest": _digest(body)}, indent=1) + "\n"
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise PlanFileError(f"the plan cannot be written to {path}: {error.strerror}") from error


def read_plan(path: Path) -> SavedPlan:
    """Read a plan.

    Raises:
        PlanFileError: there is none, it is something else, damaged, or of a newer hivectl.
        StalePlanError: another version of hivectl made it.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise PlanFileError(f"the plan {path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise PlanFileError(
            f"{path} is no saved plan, or a damaged one", hint="make one with `hivectl plan --out FILE`"
        ) from None
    if not isinstance(value, dict) or "hivectl_plan" not in value:
        raise PlanFileError(f"{path} is no saved plan", hint="make one with `hivectl plan --out FILE`")
    version = value.pop("hivectl_plan")
    if version != PLAN_VERSION:
        made_by = f"hivectl {value.get('hivectl', '?')}"
        raise PlanFileError(
            f"the plan {path} has version {version} ({made_by}), this hivectl ({__version__}) knows {PLAN_VERSION}",
            hint="plan again",
        )
    digest = value.pop("digest", None)
    if digest != _digest(value):
        raise PlanFileError(f"the plan {path} is damaged, or was changed by hand", hint="plan again")
    steps = [PlannedStep(**step) for step in value.pop("steps")]
    plan = SavedPlan(**value, steps=steps)
    if plan.hivectl != __version__:
        raise StalePlanError(
            f"the plan {path} was made by hivectl {plan.hivectl}, this is {__version__}", hint="plan again"
        )
    return plan


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
