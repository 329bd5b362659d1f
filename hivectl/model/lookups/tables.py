"""Lookups in files of keys and values: INI, Java properties, CSV."""

from __future__ import annotations

import configparser
import csv
from io import StringIO
from typing import Any

from hivectl.model.filters.regex import compiled
from hivectl.model.lookups.base import Lookup, Request
from hivectl.model.lookups.files import read
from hivectl.model.lookups.search import find
from hivectl.model.parameters import parameter
from hivectl.model.permissions import Permission
from hivectl.model.records import record
from hivectl.model.templating.errors import TemplateValueError


@record(kw_only=True)
class IniOptions:
    """Options of `ini`."""

    file: str = parameter("The file.", default="ansible.ini")
    section: str = parameter("Where in it.", default="global")
    type: str = parameter(
        "properties: Java's files, without sections.", default="ini", choices=["ini", "properties"]
    )
    re: bool = parameter("The key is a regular expression; all that match are found.", default=False)
    default: Any = parameter("What an absent key stands for.", default="", kind="raw")
    encoding: str = parameter("Of the file.", default="utf-8")
    case_sensitive: bool = parameter("Whether case matters in keys.", default=False)
    allow_no_value: bool = parameter("Keys may stand alone.", default=False, aliases=["allow_none"])
    interpolation: bool = parameter("%(other)s stands for another key's value.", default=True)


@record(kw_only=True)
class CsvOptions:
    """Options of `csvfile`."""

    file: str = parameter("The file.", default="ansible.csv")
    col: int = parameter("The column that is returned, from 0.", default=1)
    keycol: int = parameter("The column that is searched, from 0.", default=0)
    default: Any = parameter("What an absent key stands for.", default=None, kind="raw")
    delimiter: str = parameter("Between columns; TAB stands for a tab.", default="TAB")
    encoding: str = parameter("Of the file.", default="utf-8")


def _split(term: str, given: Any) -> tuple[str, Any]:
    """Return the key, and the options with those that stand behind it: `user section=db file=a.ini`."""
    from dataclasses import asdict

    from hivectl.model.lookups.calls import options_of
    from hivectl.model.lookups.inline import with_inline_options

    if "=" not in term:
        return term, given
    key, more = with_inline_options(term, type(given))
    if not key:
        raise TemplateValueError("the key is missing", hint="write it before the options")
    return key, options_of(type(given), {**asdict(given), **more}, "the lookup")


def _ini(request: Request) -> list[Any]:
    found: list[Any] = []
    parsers: dict[Any, configparser.ConfigParser] = {}
    for term in request.texts():
        key, options = _split(term, request.options)
        shape = (options.file, options.type, options.encoding)
        parser = parsers.get(shape)
        if parser is None:
            parser = parsers[shape] = _parsed(request, options)
        value = _value(parser, key, options)
        found += value if isinstance(value, list) else [value] if value is not None else []
    return found


def _parsed(request: Request, options: IniOptions) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(
        allow_no_value=options.allow_no_value,
        interpolation=configparser.BasicInterpolation() if options.interpolation else None,
    )
    if options.case_sensitive:
        parser.optionxform = str  # type: ignore[assignment, method-assign]  # as Python's documentation says
    text = read(find(request, options.file), options.encoding)
    if options.type == "properties":
        text = f"[{SECTION}]\n{text}"
    try:
        parser.read_file(StringIO(text), options.file)
    except configparser.Error as error:
        raise TemplateValueError(f"{options.file} is no INI file: {error.message.splitlines()[0]}") from None
    return parser


SECTION = "properties"


def _value(parser: configparser.ConfigParser, key: str, options: IniOptions) -> Any:
    section = SECTION if options.type == "properties" else options.section
    try:
        if options.re:
            expression = compiled(key, text="")
            return [value for name, value in parser.items(section) if expression.match(name)]
        return parser.get(section, key)
    except configparser.NoOptionError:
        return options.default
    except configparser.NoSectionError:
        known = ", ".join(parser.sections()) or "none"
        raise TemplateValueError(
            f'{options.file} has no section "{section}"', hint=f"its sections: {known}"
        ) from None
    except configparser.Error as error:
        raise TemplateValueError(f"{options.file}: {error.message.splitlines()[0]}") from None


def _csv(request: Request) -> list[Any]:
    if not request.terms:
        raise TemplateValueError("the key to search for is missing")
    found = []
    for term in request.texts():
        key, options = _split(term, request.options)
        delimiter = "\t" if options.delimiter in {"TAB", "\\t"} else options.delimiter
        text = read(find(request, options.file), options.encoding)
        value = options.default
        try:
            for row in csv.reader(StringIO(text, newline=""), delimiter=delimiter):
                if row and row[options.keycol] == key:
                    value = row[options.col]
                    break
        except (csv.Error, TypeError) as error:
            raise TemplateValueError(f"{options.file}: {error}") from None
        except IndexError:
            raise TemplateValueError(
                f"{options.file} has no column {max(options.col, options.keycol)}"
            ) from None
        if value is not None:
            found += value if isinstance(value, list) else [value]
    return found


LOOKUPS = (
    Lookup(
        name="ini", summary="values of INI files and Java properties", find=_ini, options=IniOptions,
        needs=Permission.LOOK,
    ),
    Lookup(
        name="csvfile", summary="values of a table, by a key in another column", find=_csv, options=CsvOptions,
        needs=Permission.LOOK,
    ),
)  # fmt: skip
