"""`include_vars`: variables of a file, or of the files of a folder, for the rest of the run."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, named_source

ENDINGS = ("yaml", "yml", "json")
# parameters that only `dir` has, and what they are when they are not given
OF_FOLDERS = {
    "depth": 0,
    "files_matching": None,
    "ignore_files": None,
    "extensions": list(ENDINGS),
    "ignore_unknown_extensions": False,
}


@record(kw_only=True)
class Parameters:
    """What `include_vars` takes."""

    file: str | None = parameter(
        "A YAML or JSON file, of the role's `vars` or beside the playbook.",
        default=None,
        aliases=("free-form",),
    )
    dir: str | None = parameter(
        "A folder; files are read in the order of their names, those of folders in it later.", default=None
    )
    name: str | None = parameter("A variable that takes them all, as a mapping.", default=None)
    depth: int = parameter("How many folders deep; 0: all of them.", default=0)
    files_matching: str | None = parameter("A regular expression for the names of files.", default=None)
    ignore_files: str | Sequence[str] | None = parameter(
        "Regular expressions for the ends of names of files that are left out; in a text, with blanks between them.",
        default=None,
    )
    extensions: Sequence[str] = parameter("Endings of files in the folder.", default=list(ENDINGS))
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
        if given := [name for name, absent in OF_FOLDERS.items() if getattr(parameters, name) != absent]:
            raise ModuleError(
                f"`{given[0]}` is for folders, and `file` names a file",
                origin=context.origin,
                hint="write `dir:` for a folder",
            )
        paths = [context.find_file(parameters.file, "vars")]
    else:
        # a role's folder is in its `vars`, any other beside the file of the task
        beside = "vars" if "role_path" in context.variables else "."
        paths = _files_in(context.find_file(parameters.dir or "", beside), parameters, context)
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


def _files_in(folder: Path, parameters: Parameters, context: TaskContext) -> list[Path]:
    if not folder.is_dir():
        raise ModuleError(f"{folder} is no folder", origin=context.origin, hint="write `file:` for a file")
    matching = _pattern(parameters.files_matching or "", context)
    named = parameters.ignore_files or ()
    ignored = [_pattern(f"{one}$", context) for one in (named.split() if isinstance(named, str) else named)]
    found = []
    for path in _walk(folder, parameters.depth):
        if not matching.search(path.name) or any(one.search(path.name) for one in ignored):
            continue
        if path.suffix.removeprefix(".") in parameters.extensions and path.suffix:
            found.append(path)
        elif not parameters.ignore_unknown_extensions:
            raise ModuleError(
                f"{path} does not end in {', '.join(parameters.extensions)}",
                origin=context.origin,
                hint="name its ending under `extensions`, or set `ignore_unknown_extensions: true`",
            )
    return found


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the files, folder by folder; links to folders are followed, but not around in a circle."""
    levels = {folder: {folder.resolve()}}
    for place, folders, files in os.walk(folder, followlinks=True):
        here = Path(place)
        above = levels.pop(here)
        inside = {here / name: (here / name).resolve() for name in folders}
        goes_on = not depth or len(here.relative_to(folder).parts) + 1 < depth
        kept = {path: real for path, real in inside.items() if goes_on and real not in above}
        levels |= {path: {*above, real} for path, real in kept.items()}
        folders[:] = sorted(path.name for path in kept)
        yield from (here / name for name in sorted(files) if (here / name).is_file())


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
    sources=named_source("file", folder="vars", kind="file"),
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
