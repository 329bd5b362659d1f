"""`hivectl apply` and `hivectl plan`."""

from pathlib import Path
from typing import Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import (
    AskBecomePass,
    Become,
    BecomeUser,
    Diff,
    ExtraVariables,
    Forks,
    Inventories,
    Limit,
    Playbook,
    Reports,
    SkipTags,
    Tags,
    Wait,
)
from hivectl.model.errors import ExitCode, InputError

apply_app, plan_app = new_app(), new_app()
APPS = {"apply": apply_app, "plan": plan_app}


@apply_app.command()
def apply(
    playbook: Annotated[
        Path | None, typer.Argument(metavar="[PLAYBOOK]", help="The playbook; not with --resume.")
    ] = None,
    *,
    inventories: Inventories = None,
    limit: Limit = None,
    tags: Tags = None,
    skip_tags: SkipTags = None,
    extra: ExtraVariables = None,
    check: Annotated[
        bool, typer.Option("--check", "-C", help="Change nothing, say what would change.")
    ] = False,
    diff: Diff = False,
    forks: Forks = None,
    become: Become = False,
    become_user: BecomeUser = None,
    ask_become_pass: AskBecomePass = False,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on where this run stopped.")
    ] = None,
    wait: Wait = None,
    reports: Reports = None,
) -> int:
    """Plan and run a playbook.

    Example: hivectl apply playbooks/quickstart.yml --limit 'm[1:3]' --diff
    """
    from hivectl.cli.reporting import chosen, run_reported

    if (playbook is None) == (resume is None):
        raise InputError(
            "name a playbook, or a run with --resume"
            if playbook is None
            else "a run has its playbook: leave it out",
            hint="hivectl apply PLAYBOOK, or hivectl apply --resume RUN",
        )
    options = chosen(
        playbook=playbook,
        mode="check" if check else "apply",
        limit=limit,
        tags=tags,
        skip_tags=skip_tags,
        extra=extra,
        diff=diff,
        forks=forks,
        become=become,
        become_user=become_user,
        ask_become_pass=ask_become_pass,
        resume=resume,
        wait=wait,
    )
    return run_reported(inventories or (), options, reports or ()).exit_code


@plan_app.command()
def plan(
    playbook: Playbook,
    *,
    inventories: Inventories = None,
    limit: Limit = None,
    tags: Tags = None,
    skip_tags: SkipTags = None,
    extra: ExtraVariables = None,
    diff: Annotated[bool, typer.Option("--diff/--no-diff", help="Show what would change in files.")] = True,
    forks: Forks = None,
    become: Become = False,
    become_user: BecomeUser = None,
    ask_become_pass: AskBecomePass = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit 2 when changes are pending.")
    ] = False,
    reports: Reports = None,
) -> int:
    """Observe the nodes and show what would change; nothing is changed.

    Example: hivectl plan playbooks/quickstart.yml --detailed-exitcode
    """
    from hivectl.cli.reporting import chosen, run_reported

    options = chosen(
        playbook=playbook,
        mode="plan",
        limit=limit,
        tags=tags,
        skip_tags=skip_tags,
        extra=extra,
        diff=diff,
        forks=forks,
        become=become,
        become_user=become_user,
        ask_become_pass=ask_become_pass,
    )
    ended = run_reported(inventories or (), options, reports or ())
    pending = any(node.changed for node in ended.nodes.values())
    if detailed_exitcode and pending and ended.exit_code == ExitCode.DONE:
        return ExitCode.CHANGES_PENDING
    return ended.exit_code
