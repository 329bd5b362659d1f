"""What `command`, `shell` and `raw` share: their parameters, texts and results."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from hivectl.helper.operations import ItemResult
from hivectl.model.errors import HivectlError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.templates import is_template
from hivectl.modules.base import ModuleError, Result, TaskContext, merge_results
from hivectl.modules.free_form import split_options

OPTIONS = ("creates", "removes", "chdir", "executable", "stdin", "stdin_add_newline", "strip_empty_ends")
TRUE_WORDS = frozenset({"1", "on", "t", "true", "y", "yes"})
FALSE_WORDS = frozenset({"0", "off", "f", "false", "n", "no"})

RETURNS = {
    "cmd": "what was run",
    "rc": "exit code",
    "stdout": "standard output",
    "stdout_lines": "standard output, by lines",
    "stderr": "standard error",
    "stderr_lines": "standard error, by lines",
    "start": "when it began, in the node's time",
    "end": "when it ended, in the node's time",
    "delta": "how long it took",
    "msg": "why nothing was run, or that the exit code is not zero",
}


@record(kw_only=True)
class CommandParameters:
    """What `command` and `shell` both take."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "warn": "leave it out: nothing is warned of, and ansible-core 2.14 dropped it",
    }

    free_form: str | None = parameter(
        "The command as plain text; creates=, removes=, chdir= and the like among its words are options.",
        default=None,
        kind="template",
    )
    cmd: str | Secret | None = parameter("The command to run.", default=None)
    chdir: str | None = parameter("Directory on the node to run it in.", default=None, kind="path")
    creates: str | None = parameter(
        "A path or glob on the node; if it exists, nothing is run.", default=None, kind="path"
    )
    removes: str | None = parameter(
        "A path or glob on the node; if it does not exist, nothing is run.", default=None, kind="path"
    )
    stdin: str | Secret | None = parameter("Text for the command's standard input.", default=None)
    stdin_add_newline: bool = parameter("Whether a newline is put behind `stdin`.", default=True)
    strip_empty_ends: bool = parameter(
        "Whether empty lines at the end of the output are cut off.", default=True
    )


@record(kw_only=True)
class Wanted:
    """What a task asks to be run, its free form and its options put together."""

    text: str | Secret | None
    chdir: str | None
    creates: str | None
    removes: str | None
    executable: str | None
    stdin: str | Secret | None
    strip: bool


def wanted(
    parameters: CommandParameters, context: TaskContext, *, executable: str | None, other: bool = False
) -> Wanted:
    """Put free form, options among its words, and parameters together; parameters win.

    Args:
        parameters: of the task.
        context: renders the parts of the free form.
        executable: the parameter of this name, where the module has it.
        other: whether the module has been given its command in another way (`argv`).

    Raises:
        ModuleError: no command, or several.
    """
    text, options = parameters.cmd, dict[str, Any]()
    if parameters.free_form is not None and parameters.free_form.strip():
        if text is not None or other:
            raise ModuleError("the command is given twice", origin=context.origin, hint="write it once")
        raw, written = split_options(parameters.free_form, OPTIONS)
        text = as_text(context.render(raw))
        options = {name: as_text(context.render(value)) for name, value in written.items()}
    if not other and (text is None or not reveal_text(text).strip()):
        raise ModuleError("no command given", origin=context.origin)
    stdin = options.get("stdin", parameters.stdin)
    if stdin is not None and _flag(options, "stdin_add_newline", default=parameters.stdin_add_newline):
        stdin = Secret(f"{stdin.reveal()}\n") if isinstance(stdin, Secret) else f"{stdin}\n"
    if not options:
        return Wanted(
            text=text,
            chdir=parameters.chdir,
            creates=parameters.creates,
            removes=parameters.removes,
            executable=executable,
            stdin=stdin,
            strip=parameters.strip_empty_ends,
        )
    return Wanted(
        text=text,
        chdir=_plain(options, "chdir", parameters.chdir),
        creates=_plain(options, "creates", parameters.creates),
        removes=_plain(options, "removes", parameters.removes),
        executable=_plain(options, "executable", executable),
        stdin=stdin,
        strip=_flag(options, "strip_empty_ends", default=parameters.strip_empty_ends),
    )


def written(arguments: Mapping[str, Any]) -> Mapping[str, HivectlError]:
    """Return what is wrong with a task that runs nothing, as far as no template can change it."""
    text = arguments.get("free_form")
    if any(is_template(arguments.get(name)) for name in ("free_form", "cmd", "argv")):
        return {}
    if isinstance(text, str) and text.strip() and split_options(text, OPTIONS)[0].strip():
        return {}
    for name in ("cmd", "argv"):
        value = arguments.get(name)
        if value and (not isinstance(value, str) or value.strip()):
            return {}
    hint = "write `command: uptime`, or leave the task out"
    given = next((name for name in ("cmd", "argv", "free_form") if name in arguments), "")
    return {given: ModuleError("no command given", hint=hint)}


def _plain(options: Mapping[str, Any], name: str, default: str | None) -> str | None:
    return reveal_text(options[name]) if name in options else default


def _flag(options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    if name not in options:
        return default
    word = reveal_text(options[name]).lower()
    if word not in TRUE_WORDS | FALSE_WORDS:
        raise ModuleError(f"{name}={word} is neither true nor false")
    return word in TRUE_WORDS


def as_text(value: object) -> str | Secret:
    """Return a rendered value as text; a secret stays one."""
    return value if isinstance(value, str | Secret) else str(value)


def reveal_text(value: str | Secret) -> str:
    """Return the text itself, for splitting and looking at, never for showing."""
    return value.reveal() if isinstance(value, Secret) else value


def split_command(text: str | Secret) -> tuple[str | Secret, ...]:
    """Split a command into words as a POSIX shell would; the words of a secret are secrets.

    Raises:
        ModuleError: a quotation is not closed.
    """
    try:
        words = shlex.split(reveal_text(text))
    except ValueError as error:
        raise ModuleError(
            f"the command cannot be split into words: {error}", hint="close the quotation, or give `argv`"
        ) from error
    return tuple(Secret(word) for word in words) if isinstance(text, Secret) else tuple(words)


def environment_of(context: TaskContext) -> dict[str, str | Secret]:
    """Return the task's `environment:` as texts."""
    return {str(name): as_text(value) for name, value in context.environment.items()}


def with_lines(result: Result) -> Result:
    """Add `stdout_lines` and `stderr_lines`, and the reason for a failure, as Ansible's users expect them."""
    for name in ("stdout", "stderr"):
        if f"{name}_lines" not in result and isinstance(result.get(name), str):
            result[f"{name}_lines"] = result[name].splitlines()
    if result.get("failed") and result.get("rc") and not result.get("msg"):
        result["msg"] = "non-zero return code"
    return result


def command_result(_parameters: object, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Make the task's result of the one Run operation's."""
    return with_lines(merge_results(results))
