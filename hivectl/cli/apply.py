"""`hivectl apply` and `hivectl plan`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Playbook, Reservation, Wait
from hivectl.cli.run_options import Shared, sharing
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.cli.reporting import Mode

# how many runs `--resume last` looks through for one that was not only a plan
LOOKED_THROUGH = 200

apply_app, plan_app = new_app(), new_app()
APPS = {"apply": apply_app, "plan": plan_app}


@apply_app.command()
@sharing
def apply(
    shared: Shared,
    playbook: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAYBOOK]", help="The playbook; not with --resume or --plan."),
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", "-C", help="Change nothing, say what would change.")
    ] = False,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Do what this saved plan has shown, and nothing else."),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="RUN", help="Go on where this run, or the `last`, stopped."),
    ] = None,
    start_at_task: Annotated[
        str | None,
        typer.Option("--start-at-task", metavar="NAME", help="Leave out what is before this task."),
    ] = None,
    list_tasks: Annotated[
        bool, typer.Option("--list-tasks", help="Only list the tasks that would be done.")
    ] = False,
    list_tags: Annotated[
        bool, typer.Option("--list-tags", help="Only list the tags that there are.")
    ] = False,
    wait: Wait = None,
    reservation: Reservation = None,
) -> int:
    """Plan and run a playbook.

    Example: hivectl apply playbooks/quickstart.yml --limit 'm[1:3]' --diff
    """
    from hivectl.cli.reporting import chosen, detailed, run_reported

    named = [one for one in (playbook, resume, plan) if one is not None]
    if len(named) != 1:
        other = "a saved plan" if plan else "a run"
        raise InputError(
            f"{other} has its playbook: leave it out" if named else "name a playbook, a run or a saved plan",
            hint="hivectl apply PLAYBOOK, hivectl apply --resume RUN, or hivectl apply --plan FILE",
        )
    if (list_tasks or list_tags or start_at_task) and playbook is None:
        raise InputError("--list-tasks, --list-tags and --start-at-task go with a playbook")
    if shared.detailed_exitcode and not check:
        raise InputError("--detailed-exitcode is about what would change", hint="add --check")
    mode: Mode = "check" if check else "apply"
    if resume == "last":
        resume = _last(shared.inventories or ())
    if plan is not None:
        from hivectl.cli.saved import chosen_by_plan

        options, inventories = chosen_by_plan(shared, plan, mode=mode, wait=wait, reservation=reservation)
    else:
        options = chosen(
            shared, playbook=playbook, mode=mode, resume=resume, wait=wait, reservation=reservation
        )
        options = replace(options, start_at=start_at_task)
        inventories = shared.inventories or []
        if resume is not None and not inventories:
            from hivectl.engine.lab import inventories_of

            inventories = list(inventories_of(resume))
        if list_tasks or list_tags:
            from hivectl.cli.listing import list_playbook

            return list_playbook(inventories, options, tasks=list_tasks, tags=list_tags)
    return detailed(
        shared, run_reported(inventories, options, shared.reports or (), verbose=shared.verbose > 0)
    )


def _last(inventories: "Sequence[Path]") -> str:
    from contextlib import closing

    from hivectl.engine.lab import open_past
    from hivectl.store.history import History

    with closing(open_past(inventories).open_store()) as store:
        run = next((row.run for row in History(store).runs(LOOKED_THROUGH) if row.mode == "apply"), None)
    if run is None:
        raise InputError("no run has applied anything yet", hint="hivectl apply PLAYBOOK makes one")
    return run


@plan_app.command()
@sharing
def plan(
    shared: Shared,
    playbook: Playbook,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Save the plan, for `hivectl apply --plan FILE`."),
    ] = None,
    refresh_only: Annotated[
        bool,
        typer.Option("--refresh-only", help="Only show what has drifted from what was last applied."),
    ] = False,
) -> int:
    """Observe the nodes and show what would change; nothing is changed.

    Example: hivectl plan playbooks/quickstart.yml --out quickstart.plan
    """
    from hivectl.cli.errors import say
    from hivectl.cli.reporting import chosen, detailed, run_reported

    if out is not None and refresh_only:
        raise InputError("--refresh-only only looks: there is no plan to save", hint="leave --out out")
    options = chosen(shared, playbook=playbook, mode="refresh" if refresh_only else "plan", out=out)
    ended = run_reported(shared.inventories or (), options, shared.reports or (), verbose=shared.verbose > 0)
    if out is not None:
        done = f"the plan is saved: `hivectl apply --plan {out}` does it"
        say(f"no plan is saved in {out}, since planning failed" if ended.exit_code else done)
    return detailed(shared, ended)
