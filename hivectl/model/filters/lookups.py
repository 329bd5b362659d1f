"""`lookup` and `query`: what templates may read on the controller.

A playbook that came over the network gets none but those that stay inside its variables.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jinja2.utils import missing, pass_context

from hivectl.model.filters.paths import fileglob
from hivectl.model.templating.errors import TemplateValueError, UnsafeTemplateError
from hivectl.model.templating.limits import check_text

if TYPE_CHECKING:
    from jinja2.runtime import Context

DEADLINE = 60.0  # seconds for a command of `pipe`
Lookup = Callable[[Any, Path, Sequence[Any], Mapping[str, Any]], list[Any]]


def variables(context: Any, _folder: Path, terms: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    """`vars`: the values of variables by name; option `default`."""
    found = []
    for term in terms:
        value = context.resolve_or_missing(str(term))
        if value is missing:
            value = options.get("default", missing)
        found.append(context.environment.undefined(name=term) if value is missing else value)
    return found


def environment(_context: Any, _folder: Path, terms: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    """`env`: environment variables of the controller; option `default`."""
    return [os.environ.get(str(term), options.get("default", "")) for term in terms]


def files(_context: Any, folder: Path, terms: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
    """`file`: the texts of files of the controller; options `rstrip` (true) and `lstrip` (false)."""
    texts = []
    for term in terms:
        path = _find(folder, str(term))
        check_text(path.stat().st_size)
        text = path.read_text("utf-8")
        text = text.rstrip() if options.get("rstrip", True) else text
        texts.append(text.lstrip() if options.get("lstrip", False) else text)
    return texts


def _find(folder: Path, name: str) -> Path:
    for path in (folder / "files" / name, folder / name):
        if path.is_file():
            return path
    raise TemplateValueError(f"there is no file {name} in {folder} or its files folder")


def globs(_context: Any, folder: Path, terms: Sequence[Any], _options: Mapping[str, Any]) -> list[Any]:
    """`fileglob`: files of the controller that match patterns."""
    found: list[Any] = []
    for term in terms:
        inside = fileglob(str(folder / "files" / str(term)))
        found.extend(inside or fileglob(str(folder / str(term))))
    return found


def pipe(_context: Any, folder: Path, terms: Sequence[Any], _options: Mapping[str, Any]) -> list[Any]:
    """`pipe`: what commands print on the controller."""
    return [_output(folder, str(term)).rstrip("\n") for term in terms]


def lines(_context: Any, folder: Path, terms: Sequence[Any], _options: Mapping[str, Any]) -> list[Any]:
    """`lines`: what commands print on the controller, line by line."""
    return [line for term in terms for line in _output(folder, str(term)).splitlines()]


def _output(folder: Path, command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S602  # the playbook's author asks for a shell, as Ansible's users expect
            command,
            shell=True,
            cwd=folder,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise TemplateValueError(f"the command runs longer than {DEADLINE:g} s") from None
    if done.returncode:
        raise TemplateValueError(f"the command ended with {done.returncode}")
    check_text(len(done.stdout))
    return done.stdout.decode("utf-8", "surrogateescape")


def pairs(_context: Any, _folder: Path, terms: Sequence[Any], _options: Mapping[str, Any]) -> list[Any]:
    """`dict`: mappings as lists of key and value."""
    return [{"key": key, "value": term[key]} for term in terms for key in term]


def items(_context: Any, _folder: Path, terms: Sequence[Any], _options: Mapping[str, Any]) -> list[Any]:
    """`items`: the terms, lists among them opened."""
    return [item for term in terms for item in (term if isinstance(term, list | tuple) else [term])]


def plain(_context: Any, _folder: Path, terms: Sequence[Any], _options: Mapping[str, Any]) -> list[Any]:
    """`list`: the terms as they are."""
    return list(terms)


HARMLESS: Mapping[str, Lookup] = MappingProxyType(
    {"vars": variables, "dict": pairs, "items": items, "list": plain}
)
TRUSTED: Mapping[str, Lookup] = MappingProxyType(
    {"env": environment, "file": files, "fileglob": globs, "pipe": pipe, "lines": lines}
)


def lookup_functions(folder: Path, *, trusted: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `query` (a list) and `lookup` (one value, or several texts joined by commas).

    Args:
        folder: of the playbook; relative names are looked for there.
        trusted: whether files, environment and commands of the controller may be read.
    """

    @pass_context
    def query(context: Context, name: str, *terms: Any, **options: Any) -> list[Any]:
        short = str(name).removeprefix("ansible.builtin.")
        if short in TRUSTED and not trusted:
            raise UnsafeTemplateError(
                f"lookup('{short}') is refused for a playbook that came over the network"
            )
        found = HARMLESS.get(short) or TRUSTED.get(short)
        if found is None:
            known = ", ".join(sorted({**HARMLESS, **TRUSTED}))
            raise TemplateValueError(f"there is no lookup '{short}'", hint=f"there are {known}")
        if "errors" not in options:
            return found(context, folder, terms, options)
        return _lenient(found, context, folder, terms, options)

    @pass_context
    def lookup(context: Context, name: str, *terms: Any, **options: Any) -> Any:
        wants_list = options.pop("wantlist", False)
        found = query(context, name, *terms, **options)
        if wants_list:
            return found
        if len(found) == 1:
            return found[0]
        return (
            ",".join(str(item) for item in found) if all(isinstance(item, str) for item in found) else found
        )

    return query, lookup


def _lenient(
    found: Lookup, context: Any, folder: Path, terms: Sequence[Any], options: dict[str, Any]
) -> list[Any]:
    how = options.pop("errors")
    try:
        return found(context, folder, terms, options)
    except (TemplateValueError, OSError):
        if how in {"ignore", "warn"}:
            return []
        raise
