"""Lookups of files of the controller, and of what is in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jinja2.runtime import Undefined

from hivectl.model.filters.paths import fileglob
from hivectl.model.lookups.about import about_template
from hivectl.model.lookups.base import Lookup, Request
from hivectl.model.lookups.search import find, places, search_folders
from hivectl.model.parameters import parameter
from hivectl.model.paths import is_there
from hivectl.model.permissions import Permission
from hivectl.model.records import record
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.limits import check_text
from hivectl.model.templating.undefined import kind_of

if TYPE_CHECKING:
    from pathlib import Path


@record(kw_only=True)
class FileOptions:
    """Options of `file`."""

    rstrip: bool = parameter("Drop white space at the end.", default=True)
    lstrip: bool = parameter("Drop white space at the beginning.", default=False)


@record(kw_only=True)
class FirstFoundOptions:
    """Options of `first_found`."""

    files: list[str] = parameter("Names of files.", default=[])
    paths: list[str] = parameter("Folders that each of them is looked for in.", default=[])
    skip: bool = parameter("Find nothing, rather than fail, where there is none.", default=False)


@record(kw_only=True)
class TemplateLookupOptions:
    """Options of `template`."""

    template_vars: dict[str, Any] = parameter("More variables for this template.", default={})
    variable_start_string: str = parameter("What begins an expression.", default="{{")
    variable_end_string: str = parameter("What ends an expression.", default="}}")
    comment_start_string: str = parameter("What begins a comment.", default="{#")
    comment_end_string: str = parameter("What ends a comment.", default="#}")
    trim_blocks: bool = parameter("Drop the line end behind a block.", default=True)
    convert_data: bool = parameter("Of old; without effect, as in Ansible.", default=True)
    jinja2_native: bool = parameter("Of old; without effect, as in Ansible.", default=True)


def read(path: Path, encoding: str = "utf-8") -> str:
    """Return the text of a file of decent size; raises TemplateValueError."""
    try:
        check_text(path.stat().st_size)
        return path.read_text(encoding)
    except UnicodeDecodeError:
        raise TemplateValueError(f"{path} is no text in {encoding}") from None
    except LookupError:
        raise TemplateValueError(
            f'there is no encoding "{encoding}"', hint="such as utf-8, latin-1"
        ) from None
    except OSError as error:
        raise TemplateValueError(f"{path} cannot be read: {error.strerror}") from None


def _file(request: Request) -> list[Any]:
    found = []
    for name in request.texts():
        text = read(find(request, name))
        text = text.rstrip() if request.options.rstrip else text
        found.append(text.lstrip() if request.options.lstrip else text)
    return found


def _fileglob(request: Request) -> list[Any]:
    folders = search_folders(request.variables, request.host.folder)
    found: list[str] = []
    for term in request.texts():
        matches = (fileglob(str(path)) for path in places(term, folders, "files"))
        found += next((match for match in matches if match), [])
    return found


def _first_found(request: Request) -> list[Any]:
    if request.action is not None:
        request = replace(request, terms=_defined(request.terms))
    inside = _folder_of(request.action)
    folders = search_folders(request.variables, request.host.folder)
    skip = request.options.skip
    for name, may_skip in _candidates(request.terms or [{}], request.options):
        skip = skip or may_skip
        for path in places(name, folders, inside) if name else ():
            if is_there(path):
                return [str(path)]
    if skip:
        return []
    raise TemplateValueError("none of the files is there", hint="skip=true finds nothing rather than fail")


def _folder_of(action: str | None) -> str:
    """Return the folder that a module's files are in."""
    for word, folder in (("template", "templates"), ("vars", "vars")):
        if word in (action or ""):
            return folder
    return "files"


def _defined(value: Any) -> Any:
    """Return a term without what is undefined inside: a loop may name files by facts that not all nodes have."""
    if isinstance(value, Mapping):
        return {key: _defined(item) for key, item in value.items() if not isinstance(item, Undefined)}
    if isinstance(value, list | tuple):
        return [_defined(item) for item in value if not isinstance(item, Undefined)]
    return value


def _candidates(terms: Any, options: FirstFoundOptions) -> list[tuple[str, bool]]:
    """Return the names to look for in their order, and whether their term says that none is well, too."""
    found: list[tuple[str, bool]] = []
    for term in terms:
        files, paths, skip = [term], options.paths, False
        if isinstance(term, list | tuple):
            found += _candidates(term, options)
            continue
        if isinstance(term, Mapping):
            from hivectl.model.lookups.calls import options_of

            own = options_of(FirstFoundOptions, {**_given(options), **term}, "the lookup first_found")
            files, paths, skip = own.files, own.paths, own.skip
        elif not isinstance(term, str):
            raise TemplateValueError(f"a text or a mapping is needed, not a value of type {kind_of(term)}")
        names = _split(files, r"[,;]")
        folders = _split(paths, r"[,:;]")
        found += [(f"{folder}/{name}", skip) for folder in folders for name in names]
        found += [(name, skip) for name in names if not folders] or [("", skip)]
    return found


def _given(options: FirstFoundOptions) -> dict[str, Any]:
    return {"files": options.files, "paths": options.paths, "skip": options.skip}


def _split(values: list[Any], separators: str) -> list[str]:
    return [part.strip() for value in values for part in re.split(separators, str(value)) if part.strip()]


def _template(request: Request) -> list[Any]:
    options: TemplateLookupOptions = request.options
    marks = {
        name: getattr(options, name)
        for name in (
            *("variable_start_string", "variable_end_string", "comment_start_string", "comment_end_string"),
            "trim_blocks",
        )
    }
    folders = search_folders(request.variables, request.host.folder)
    below = [place for folder in folders for place in (folder / "templates", folder)]
    found = []
    for name in request.texts():
        path = find(request, name, "templates")
        more = {**about_template(name, path, request.variables), **options.template_vars}
        found.append(
            request.host.render_file(
                path,
                _with(more, request.variables),
                options=marks,
                searchpath=tuple(dict.fromkeys((path.parent, *below))),
            )
        )
    return found


def _with(names: Mapping[str, Any], below: Mapping[str, Any]) -> Mapping[str, Any]:
    from hivectl.model.templating.environment import Layered

    return Layered(names, below)


LOOKUPS = (
    Lookup(name="file", summary="texts of files", find=_file, options=FileOptions, needs=Permission.LOOK),
    Lookup(name="fileglob", summary="files that match patterns", find=_fileglob, needs=Permission.LOOK),
    Lookup(
        name="first_found",
        summary="the first file that is there",
        find=_first_found,
        options=FirstFoundOptions,
        needs=Permission.LOOK,
    ),
    Lookup(
        name="template",
        summary="what template files give",
        find=_template,
        options=TemplateLookupOptions,
        needs=Permission.LOOK,
    ),
)
