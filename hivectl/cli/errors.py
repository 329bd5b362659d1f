"""How faults are told: what, where, what to do, all at once, and never a traceback."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, TypeVar

from hivectl.model.errors import Complaints, ExitCode, HivectlError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from typer import TyperException

T = TypeVar("T")
# where several hold (SURFACE: exit codes)
PRECEDENCE = (
    ExitCode.INTERRUPTED,
    ExitCode.TERMINATED,
    ExitCode.FAULT,
    ExitCode.BAD_INPUT,
    ExitCode.STALE_PLAN,
    ExitCode.NOT_RESERVED,
    ExitCode.UNREACHABLE,
    ExitCode.FAILED,
)


class UsageWanted(InputError):  # noqa: N818 no fault: nothing was asked, so the help is shown
    """Nothing was asked for."""


class OutputError(HivectlError):
    """Standard output cannot be written."""


def worst(codes: Iterable[int]) -> ExitCode:
    """Return the code that stands for several."""
    every = set(codes)
    return next((code for code in PRECEDENCE if code in every), ExitCode(max(every, default=0)))


def leaves(error: BaseException) -> list[BaseException]:
    """Return the errors in complaints and exception groups, each once, in order."""
    inner: tuple[BaseException, ...] = ()
    if isinstance(error, Complaints):
        inner = error.errors
    elif isinstance(error, BaseExceptionGroup):
        inner = error.exceptions
    else:
        return [error]
    return list(dict.fromkeys(leaf for item in inner for leaf in leaves(item)))


def exit_code(error: HivectlError) -> ExitCode:
    """Return the exit code of an error, the worst one of complaints."""
    return worst(leaf.exit_code for leaf in leaves(error) if isinstance(leaf, HivectlError))


def say(text: str) -> None:
    """Write a line to standard error; there is nobody to tell when that is gone."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def tell(error: HivectlError, *, debug: bool = False) -> ExitCode:
    """Write an error to standard error, all of them when there are several; returns the exit code.

    Args:
        error: the error.
        debug: say where in hivectl it arose, too.
    """
    if debug:
        say(_traceback(error))
    parts = [leaf for leaf in leaves(error) if isinstance(leaf, HivectlError)]
    for leaf in parts:
        say(_paragraph(leaf))
    if len(parts) > 1:
        say(f"{len(parts)} errors")
    return exit_code(error)


def usable(names: Iterable[str], find: Callable[[str], T]) -> dict[str, T]:
    """Return the plugins that can be loaded, and say of each other one why it is left out."""
    from hivectl.model.plugins import BrokenPluginError

    found = {}
    for name in names:
        try:
            found[name] = find(name)
        except BrokenPluginError as error:
            tell(error)
    return found


def say_faults(faults: Mapping[str, HivectlError]) -> None:
    """Say what went wrong on which nodes; those with the same fault together."""
    from hivectl.report.names import listing
    from hivectl.report.text import harmless

    groups: dict[tuple[str, str | None], list[str]] = {}
    for node, error in faults.items():
        groups.setdefault((error.message, error.hint), []).append(node)
    for (message, hint), nodes in groups.items():
        say(f"error: {listing(nodes)}: {harmless(message)}" + (f"\n  {harmless(hint)}" if hint else ""))


def _paragraph(error: HivectlError) -> str:
    from hivectl.report.text import harmless

    if isinstance(error, UsageWanted):
        return error.message
    node = f"{error.node}: " if error.node and not error.message.startswith(f"{error.node}:") else ""
    lines = [f"error: {harmless(node + error.message)}"]
    if error.origin is not None and not error.origin.by_hand:
        from hivectl.model.excerpt import excerpt

        lines.append(f"  at {harmless(str(error.origin))}")
        lines += [f"  {line}" for line in excerpt(error.origin).splitlines()]
    if error.hint:
        lines.append(f"  {harmless(error.hint)}")
    return "\n".join(lines)


_NO_VAULT = "nothing of Ansible's vault is read: write secrets as `!command [ansible-vault, view, …]`, `!file` or `!env`"
# options of ansible-playbook that are not here, with what to do instead
FROM_ANSIBLE = {
    **dict.fromkeys(
        ("--vault-password-file", "--vault-id", "--ask-vault-pass", "--ask-vault-password", "-J"), _NO_VAULT
    ),
    **dict.fromkeys(
        ("-u", "--user", "--private-key"),
        "the inventory says who logs in, and how: `user:`, `identity_file:`",
    ),
    **dict.fromkeys(("-k", "--ask-pass"), "the inventory says how to log in: `password: !command […]`"),
    "--syntax-check": "write `hivectl validate PLAYBOOK`",
    "--list-hosts": "write `hivectl inventory list SELECTOR`, or `hivectl plan PLAYBOOK`",
}


# what typer calls values that are of another type
IN_WORDS = {
    "is not a valid int range": "is no whole number",
    "is not a valid int": "is no whole number",
    "is not a valid float range": "is no number",
    "is not a valid float": "is no number",
}


def usage_error(error: TyperException) -> InputError:
    """Turn what typer says about a command line into an error of ours, with the nearest right word."""
    from hivectl.model.suggestions import nearest

    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", None)
    message = error.format_message().strip().rstrip(".")
    if message.startswith("Usage:"):
        return UsageWanted(message)
    guess = instead = None
    if option is not None and context is not None:
        known = [
            name
            for parameter in context.command.params
            for name in (*parameter.opts, *parameter.secondary_opts)
        ]
        known += context.help_option_names
        if option not in known:
            # one letter is near to every other one
            guess = (
                nearest(option, [name for name in known if name.startswith("--")])
                if option[:2] == "--"
                else None
            )
            message = f"there is no option {option}"
            instead = FROM_ANSIBLE.get(option)
    for theirs, ours in IN_WORDS.items():
        message = message.replace(theirs, ours)
    path = context.command_path if context is not None else "hivectl"
    help_text = f"see `{path} --help`"
    hint = f"did you mean {guess}? {help_text}" if guess else help_text
    return InputError(message[:1].lower() + message[1:], hint=instead or hint)


def fault(error: BaseException, *, debug: bool) -> ExitCode:
    """Tell of an exception that should not have been: a short word, and the traceback in a crash file.

    The traceback holds source lines and no values of variables, so no secrets; messages of exceptions may hold
    what a file or node said, so the file is for its owner alone (0600).
    """
    if debug:
        say(_traceback(error))
    name = type(error).__name__
    say(f"error: a fault of hivectl itself: {name}: {_first_line(error)}")
    if not debug:
        path = _crash_file(error)
        say(f"  the traceback is in {path}" if path else "  run it again with --debug to see where")
    return ExitCode.FAULT


def tell_group(group: ExceptionGroup[Exception], *, debug: bool) -> ExitCode:
    """Tell of everything that went wrong side by side; returns the worst exit code."""
    known: list[HivectlError] = []
    codes: list[int] = []
    for leaf in leaves(group):
        if isinstance(leaf, HivectlError):
            known.append(leaf)
        else:
            codes.append(fault(leaf, debug=debug))
    if known:
        tell(Complaints(known), debug=debug)
    return worst([*codes, *(error.exit_code for error in known)])


def _traceback(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error)).rstrip()


def _first_line(error: BaseException) -> str:
    from hivectl.report.text import one_line

    return one_line(str(error).partition("\n")[0], 300)


def _crash_file(error: BaseException) -> Path | None:
    """Write the traceback to the state folder; None when that cannot be written."""
    from hivectl.store.location import user_folder

    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime())
    path = user_folder() / "crashes" / f"{stamp}-{os.getpid()}.txt"
    command = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ""
    about = f"hivectl {command}\nPython {sys.version}\n{type(error).__name__}\n\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(about + _traceback(error) + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError:
        return None
    return path
