"""`apply --plan`: the choices of the command line as the plan has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.cli.reporting import chosen
from hivectl.engine.saved_plan import read_plan, refuse_stale_inputs
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from hivectl.cli.reporting import Mode
    from hivectl.cli.run_options import Shared
    from hivectl.engine.options import RunOptions


def chosen_by_plan(
    shared: Shared, path: Path, *, mode: Mode, wait: float | None, reservation: str | None
) -> tuple[RunOptions, list[Path]]:
    """Return the options with which a plan was made, and its inventories.

    Raises:
        InputError: options that the plan has fixed were given again, or the file is no plan.
        StalePlanError, Complaints: what it was made of has changed.
    """
    if given := shared.given():
        raise InputError(
            f"a saved plan has its options: leave {', '.join(given)} out",
            hint="only --check, --diff, --forks, --wait, --report and --ask-become-pass go with --plan",
        )
    plan = read_plan(path)
    # before the files are read: one that has changed may be wrong, too
    refuse_stale_inputs(plan)
    choices = plan.choices
    made = replace(
        shared,
        limit=choices["limit"],
        tags=choices["tags"],
        skip_tags=choices["skip_tags"],
        extra=choices["extra"],
        become=choices["become"],
        become_user=choices["become_user"],
    )
    options = chosen(made, playbook=Path(plan.playbook), mode=mode, wait=wait, reservation=reservation)
    return replace(options, plan=plan), [Path(one) for one in plan.inventories]
