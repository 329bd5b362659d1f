"""`include_vars`: variables of a file, or of the files of a folder, for the rest of the run."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext

ENDINGS = ("yaml", "yml", "json")


@record(kw_only=True)
class Parameters:
    """What `include_vars` takes."""

    file: str | None = parameter(
        "A YAML or JSON file, of the role's `vars` or beside the playbook.",
        default=None,
        aliases=("free-form",),
    )
    dir: str | None = parameter("A folder, whose files are read in the order of their names.", default=None)
    name: str | None = parameter("A variable that takes them all, as a mapping.", default=None)
    depth: int = parameter("How many folders deep; 0: all of them.", default=0)
    files_matching: str | None = parameter("A regular expression for the names of files.", default=None)
    ignore_files: Sequence[str] | None = parameter(
        "Regular expressions for the names of files that are left out.", default=None
    )
    extensions: Sequence[str] = parameter("Endings of files that are read.", default=list(ENDINGS))
    ignore_unknown_extensions: bool = parameter(
        "Whether files of other endings in the folder are passed over.", default=False
    )
    hash_behaviour: str | None = parameter(
        "Later values replace earlier ones: only that is taken.", default=None, choices=("replace",)
    )


def decide(parameters: Parameters, context: TaskContext) -> Result:
    """Return the variables.

    Raises:
        ModuleError: neither or both of `file` and `dir`, a file that is not there or is no mapping.
    """
    if (parameters.file is None) == (parameters.dir is None):
        raise ModuleError("exactly one of `file` and `dir` is needed", origin=context.origin)
    if parameters.file is not None:
        path = context.find_file(parameters.file, "vars")
        _check_ending(path, parameters, context)
        paths = [path]
    else:
        paths = _files_in(context.find_file(parameters.dir or "", "vars"), parameters, context)
    values: dict[str, Any] = {}
    for path in paths:
        found = context.load_yaml(path)
        if found is not None and not isinstance(found, Mapping):
            raise ModuleError(
                f"{path} is no mapping of variables", origin=context.origin, hint="write `name: value` lines"
            )
        values.update(found or {})
    return {
        "changed": False,
        "ansible_facts": {parameters.name: values} if parameters.name else values,
        "ansible_included_var_files": [str(path) for path in paths],
    }


def _check_ending(path: Path, parameters: Parameters, context: TaskContext) -> None:
    if path.suffix.removeprefix(".") not in (*parameters.extensions, ""):
        raise ModuleError(
            f"{path} does not end in {', '.join(parameters.extensions)}",
            origin=context.origin,
            hint="name its ending under `extensions`",
        )


def _files_in(folder: Path, parameters: Parameters, context: TaskContext) -> list[Path]:
    if not folder.is_dir():
        raise ModuleError(f"{folder} is no folder", origin=context.origin, hint="write `file:` for a file")
    matching = _pattern(parameters.files_matching or "", context)
    ignored = [_pattern(one, context) for one in parameters.ignore_files or ()]
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if not path.is_file() or (parameters.depth and len(parts) > parameters.depth):
            continue
        if not matching.search(path.name) or any(one.search(path.name) for one in ignored):
            continue
        if path.suffix.removeprefix(".") in parameters.extensions:
            found.append(path)
        elif not parameters.ignore_unknown_extensions:
            _check_ending(path, parameters, context)
    return found


def _pattern(text: str, context: TaskContext) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ModuleError(f"{text!r} is no regular expression: {error}", origin=context.origin) from None


MODULE = Module(
    name="include_vars",
    summary="Variables of a file, or of a folder of files, for the rest of the run",
    parameters=Parameters,
    decide=decide,
    free_form="file",
    example="""\
- name: What differs from kind to kind
  include_vars: "{{ kind }}.yml"
""",
    check_mode="always",
    returns={
        "ansible_facts": "the variables",
        "ansible_included_var_files": "the files they are from",
    },
)
