"""The options of every command that runs a playbook, said once."""

# no `from __future__ import annotations` in the files of this folder: typer reads annotations at run time
import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any

from hivectl.cli.options import (
    AskBecomePass,
    Become,
    BecomeUser,
    DetailedExitcode,
    Diff,
    ExtraVariables,
    Forks,
    Inventories,
    Limit,
    Reports,
    SkipTags,
    Tags,
    Verbose,
)
from hivectl.model.records import record

# what a saved plan has fixed, and its option
FIXED = {
    "inventories": "-i",
    "limit": "--limit",
    "tags": "--tags",
    "skip_tags": "--skip-tags",
    "extra": "-e",
    "become": "--become",
    "become_user": "--become-user",
}


@record(kw_only=True)
class Shared:
    """What the command line chose, as typer gives it."""

    inventories: Inventories = None
    limit: Limit = None
    tags: Tags = None
    skip_tags: SkipTags = None
    extra: ExtraVariables = None
    diff: Diff = None
    forks: Forks = None
    become: Become = False
    become_user: BecomeUser = None
    ask_become_pass: AskBecomePass = False
    detailed_exitcode: DetailedExitcode = False
    reports: Reports = None
    verbose: Verbose = 0

    def given(self) -> list[str]:
        """Return the options that a saved plan has fixed and that were given all the same."""
        return [option for name, option in FIXED.items() if getattr(self, name)]


def sharing(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the shared options behind its own; its first parameter takes them as a `Shared`."""
    signature = inspect.signature(function)
    _, *own = signature.parameters.values()
    shared = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
        for one in fields(Shared)
    ]

    @wraps(function)
    def command(*arguments: Any, **values: Any) -> int:
        chosen = {one.name: values.pop(one.name) for one in shared}
        return function(Shared(**chosen), *arguments, **values)

    command.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]  # PEP 362
    command.__annotations__ = {one.name: one.annotation for one in (*own, *shared)}
    return command
