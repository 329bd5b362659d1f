"""`script`: a program of this machine, run on the node."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from hivectl.drivers.base import Capability
from hivectl.helper.file_operations import Script
from hivectl.helper.operations import Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.words import unquoted, words
from hivectl.modules.base import Module, ModuleError, Source, TaskContext
from hivectl.modules.commands import RETURNS, as_text, command_result, environment_of, reveal_text
from hivectl.modules.contents import content_of_file
from hivectl.modules.free_form import split_options

OPTIONS = ("creates", "removes", "chdir", "executable")


@record(kw_only=True)
class Parameters:
    """What `script` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "decrypt": "leave it out: files of ansible-vault are refused, nothing is decrypted",
    }

    free_form: str | None = parameter(
        "The file on this machine, and its arguments, as plain text; creates=, removes=, chdir= and executable= "
        "among its words are options.",
        default=None,
        kind="template",
    )
    cmd: str | Secret | None = parameter("The file on this machine, and its arguments.", default=None)
    creates: str | None = parameter(
        "A path on the node; if it exists, nothing is run.", default=None, kind="path"
    )
    removes: str | None = parameter(
        "A path on the node; if it does not exist, nothing is run.", default=None, kind="path"
    )
    chdir: str | None = parameter("Directory on the node to run it in; absolute.", default=None, kind="path")
    executable: str | None = parameter(
        "What the file is run by; absent: by itself, with its #! line.", default=None, example="python3"
    )


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Script.

    Raises:
        ModuleError: no file, or one that cannot be read; a directory that is not absolute.
    """
    text, options = _wanted(parameters, context)
    spans = list(words(reveal_text(text)))
    if not spans:
        raise ModuleError("no script given", origin=context.origin)
    plain = reveal_text(text)
    begin, end = spans[0]
    path = context.find_file(_name(plain[begin:end]))
    if path.is_dir():
        raise ModuleError(f"{path} is a folder, not a script", origin=context.origin)
    rest = plain[end:].strip()
    folder = options["chdir"]
    if folder is not None and not folder.startswith("/"):
        raise ModuleError(
            f"chdir {folder} must be an absolute path for a Unix-aware remote node", origin=context.origin
        )
    return (
        Script(
            content=content_of_file(path),
            filename=path.name,
            arguments=Secret(rest) if isinstance(text, Secret) else rest,
            interpreter=options["executable"],
            directory=folder,
            creates=options["creates"],
            removes=options["removes"],
            environment=environment_of(context),
        ),
    )


def _wanted(parameters: Parameters, context: TaskContext) -> tuple[str | Secret, dict[str, str | None]]:
    """Return file and arguments, and the options; those among the words win over parameters."""
    options: dict[str, Any] = {name: getattr(parameters, name) for name in OPTIONS}
    text = parameters.cmd
    if parameters.free_form is not None and parameters.free_form.strip():
        if text is not None:
            raise ModuleError("the script is given twice", origin=context.origin, hint="write it once")
        raw, written = split_options(parameters.free_form, OPTIONS)
        text = as_text(context.render(raw))
        options |= {name: reveal_text(as_text(context.render(value))) for name, value in written.items()}
    return text or "", options


def _name(word: str) -> str:
    """Return the file that the first word names."""
    try:
        [name] = shlex.split(word)
    except ValueError:
        name = unquoted(word)
    return name


def sources(arguments: Mapping[str, Any]) -> Iterator[Source]:
    """Yield the file, unless something on the node may make it needless."""
    for parameter_name in ("free_form", "cmd"):
        text = arguments.get(parameter_name)
        if not isinstance(text, str) or any(name in arguments for name in ("creates", "removes")):
            continue
        text, options = split_options(text, OPTIONS)
        spans = list(words(text))
        if spans and not {"creates", "removes"} & options.keys():
            begin, end = spans[0]
            yield Source(parameter_name, _name(text[begin:end]), kind="file")


MODULE = Module(
    name="script",
    summary="A program of this machine, run on the node",
    parameters=Parameters,
    operations=operations,
    result=command_result,
    capabilities=frozenset({Capability.RUN, Capability.FILES}),
    alternative=frozenset({Capability.FILES, Capability.REPL}),
    free_form="free_form",
    sources=sources,
    example="""\
- name: Calibrate once
  script: scripts/calibrate.py --pump 2
  args:
    executable: python3
    creates: /var/lib/pump/calibrated
""",
    returns={name: meaning for name, meaning in RETURNS.items() if name != "cmd"},
)
