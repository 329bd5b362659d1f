"""Typed parameters: one dataclass gives the JSON Schema, the conversion of values, and the docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_type_hints

from hivectl.model.errors import Complaints, FaultError, HivectlError, InputError
from hivectl.model.kinds import Kind, kind_of, with_null
from hivectl.model.records import record
from hivectl.model.scalars import UnfitError
from hivectl.model.secret import Secret
from hivectl.model.suggestions import did_you_mean, listed
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from hivectl.model.origin import Origin

T = TypeVar("T")


def parameter(
    description: str,
    *,
    default: Any = MISSING,
    choices: Sequence[Any] | None = None,
    aliases: Sequence[str] = (),
    kind: str | None = None,
    example: Any = None,
) -> Any:
    """Describe one field of a parameter dataclass.

    Args:
        description: one sentence for docs and editors.
        default: what an absent key means; MISSING makes the key required.
        choices: the allowed values.
        aliases: other names that are accepted.
        kind: a meaning finer than the type: "path", "mode" (octal text or number, or symbolic), "duration"
            (number of seconds, or text such as 90s, 2h), "raw" (any value, kept as it is), "template"
            (not rendered before the module sees it), "rest" (a mapping that takes every key that is not named
            otherwise, as set_fact has it).
        example: a value for the docs.
    """
    metadata = {
        "description": description,
        "choices": choices,
        "aliases": tuple(aliases),
        "kind": kind,
        "example": example,
    }
    if default is MISSING:
        return field(metadata=metadata)
    if isinstance(default, dict | list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


class UnknownParameterError(InputError):
    """A key that is no parameter."""


class MissingParameterError(InputError):
    """A required parameter is absent or empty."""


class ParameterValueError(InputError):
    """A parameter's value does not fit it."""


@record(kw_only=True)
class Parameter:
    """One parameter, as docs, schemas and conversion see it.

    Attributes:
        name: as written in YAML: the field's name, less an underscore that keeps it from being a Python keyword.
        attribute: the field's name.
        kind: what its type means.
        required: whether it must be given.
        default: what an absent key means; MISSING where it is made anew each time.
    """

    name: str
    attribute: str
    kind: Kind
    required: bool
    default: Any
    description: str
    aliases: tuple[str, ...]
    choices: tuple[Any, ...] | None
    example: Any


@record
class _Analysis:
    """What `convert` needs of a class, found once."""

    parameters: tuple[Parameter, ...]
    by_name: Mapping[Any, Parameter]
    required: tuple[Parameter, ...]
    rest: str | None


def parameters_of(cls: type[Any]) -> tuple[Parameter, ...]:
    """Return the parameters of a parameter dataclass in their order."""
    return _analyse(cls).parameters


def _analysis_of(cls: Any) -> _Analysis:
    """Resolve the annotations of a class (1 ms), once."""
    # classes may import these for type checkers only
    known = {
        "Any": Any,
        "Literal": Literal,
        "Mapping": Mapping,
        "Path": Path,
        "Secret": Secret,
        "Sequence": Sequence,
    }
    try:
        hints = get_type_hints(cls, localns=known)
    except NameError as error:
        raise FaultError(f"the parameters of {cls.__name__} cannot be resolved: {error}") from error
    found = []
    rest = None
    for entry in fields(cls):
        metadata = entry.metadata
        if metadata.get("kind") == "rest":
            rest = entry.name
        if not entry.init or rest == entry.name:
            continue
        choices = metadata.get("choices")
        found.append(
            Parameter(
                name=entry.name.removesuffix("_"),
                attribute=entry.name,
                kind=kind_of(hints[entry.name], metadata.get("kind"), choices),
                required=entry.default is MISSING and entry.default_factory is MISSING,
                default=entry.default,
                description=metadata.get("description", ""),
                aliases=tuple(metadata.get("aliases", ())),
                choices=None if choices is None else tuple(choices),
                example=metadata.get("example"),
            )
        )
    by_name = {name: one for one in found for name in (one.name, *one.aliases)}
    return _Analysis(tuple(found), by_name, tuple(one for one in found if one.required), rest)


_cached = cache(_analysis_of)


def _analyse(cls: Any) -> _Analysis:
    return _cached(cls)


def schema_of(cls: type[Any], *, templates: bool = True, required: bool = True) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a parameter dataclass.

    A class may have REFUSED: names that others know and it has not -> what to do instead. One of a driver may have
    ONE_OF: names of which the inventory must give one.

    Args:
        cls: a parameter dataclass.
        templates: a "{{ }}" text fits anywhere.
        required: whether absent required parameters are faults.
    """
    properties: dict[str, Any] = {}
    needed: list[dict[str, Any]] = []
    for one in parameters_of(cls):
        schema = one.kind.schema(templates)
        if one.kind.nullable or not one.required:
            schema = with_null(schema)
        if schema:
            schema = schema | {"x-expected": one.kind.words}
        properties[one.name] = schema | _annotations(one)
        for alias in one.aliases:
            properties[alias] = schema | {"description": f"Another name of {one.name}."}
        if one.required:
            ways = [{"required": [name]} for name in (one.name, *one.aliases)]
            needed.append(ways[0] if len(ways) == 1 else {"anyOf": ways, "x-expected": one.name})
    result: dict[str, Any] = {"type": "object", "properties": properties}
    if refused := getattr(cls, "REFUSED", None):
        result["x-refused"] = dict(refused)
    result["additionalProperties"] = _analyse(cls).rest is not None
    plain = [way["required"][0] for way in needed if "required" in way]
    either = [way for way in needed if "anyOf" in way]
    if required and plain:
        result["required"] = plain
    if required and either:
        result["allOf"] = either
    return result


def _annotations(one: Parameter) -> dict[str, Any]:
    """Return what editors show of a parameter."""
    notes: dict[str, Any] = {"description": one.description} if one.description else {}
    if isinstance(one.default, str | int | float | bool):
        notes["default"] = one.default
    if one.example is not None:
        notes["examples"] = [one.example]
    return notes


def convert(cls: type[T], values: Mapping[str, Any], *, origin: Origin | None = None, what: str = "") -> T:
    """Make an instance of `cls` of rendered values, as Ansible converts ("yes" -> True, 644 is refused as a mode...).

    An empty value (None) of a parameter that cannot be None means its default.

    Args:
        cls: a parameter dataclass.
        values: by name or alias; the origins of a YamlMapping are used in complaints.
        origin: of the whole, for values without origins of their own.
        what: the module's or driver's name, for complaints.

    Raises:
        Complaints: every value that cannot be converted, every unknown or missing key, with the nearest right name.
    """
    analysis = _analyse(cls)
    by_name = analysis.by_name
    result: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    faults: list[HivectlError] = []
    for key, value in values.items():
        one = by_name.get(key)
        if one is None:
            rest[key] = value
        elif one.attribute in result:
            faults.append(_twice(one, key, values, origin, what))
        elif type(value) in one.kind.exact:
            result[one.attribute] = value
        elif value is not None or one.kind.nullable:
            try:
                result[one.attribute] = _converted(one.kind, value, values, key)
            except UnfitError as error:
                result[one.attribute] = None
                place = _place(values, (key, *error.keys)) or origin
                message = f"{_prefix(what)}{key}: {error.message}"
                faults.append(ParameterValueError(message, origin=place, hint=error.hint))
    if analysis.rest is not None:
        result[analysis.rest] = rest
    else:
        faults += [_unknown(analysis, key, values, origin, what) for key in rest]
    faults += [
        _missing(one, values, origin, what) for one in analysis.required if one.attribute not in result
    ]
    if faults:
        raise Complaints(faults)
    try:
        return cls(**result)
    except HivectlError as error:  # the class's own rules, such as two parameters that exclude each other
        if error.origin is None:
            error.origin = _own(values, origin)
        raise Complaints([error]) from None


class Mould(Generic[T]):
    """Makes instances of a parameter class of which most values are the same each time: those are converted once.

    Args:
        cls: a parameter dataclass.
        fixed: what is always the same, by name or alias.
    """

    def __init__(self, cls: type[T], fixed: Mapping[str, Any]) -> None:
        self._cls = cls
        analysis = _analyse(cls)
        self._by_name = analysis.by_name
        self._needed = [one.attribute for one in analysis.required]
        known: dict[str, Any] = {}
        fits = analysis.rest is None and self._add(known, fixed.items(), fixed)
        self._known = known if fits else None

    def make(self, others: Sequence[tuple[str, Any]]) -> T | None:
        """Return an instance with these values besides; None where only `convert` can say what comes of them."""
        if self._known is None:
            return None
        values = dict(self._known)
        if not self._add(values, others):
            return None
        for attribute in self._needed:
            if attribute not in values:
                return None
        try:
            return self._cls(**values)
        except HivectlError:
            return None

    def _add(
        self,
        values: dict[str, Any],
        given: Iterable[tuple[str, Any]],
        written: Mapping[str, Any] | None = None,
    ) -> bool:
        """Convert values; returns whether all could be. `written`: where to look how they were written."""
        for name, value in given:
            one = self._by_name.get(name)
            if one is None or one.attribute in values:
                return False
            kind = one.kind
            if type(value) in kind.exact:
                values[one.attribute] = value
            elif value is None or (kind.located and written is None):
                return False
            else:
                try:
                    values[one.attribute] = _converted(kind, value, written or {}, name)
                except UnfitError:
                    return False
        return True


def _converted(kind: Kind, value: Any, values: Mapping[str, Any], key: str) -> Any:
    if value is None:
        return None
    return kind.convert(value, origin_of(values, key)) if kind.located else kind.convert(value)


def _prefix(what: str) -> str:
    return f"{what}: " if what else ""


def _place(values: Any, keys: tuple[Any, ...]) -> Origin | None:
    """Return the innermost origin on the way to a value."""
    place = None
    for key in keys:
        place = origin_of(values, key) or place
        values = values[key] if isinstance(values, dict | list) else None
    return place


def _own(values: Any, origin: Origin | None) -> Origin | None:
    return values.origin if isinstance(values, YamlMapping) else origin


def _unknown(analysis: _Analysis, key: Any, values: Any, origin: Origin | None, what: str) -> HivectlError:
    place = values.key_origins.get(key) if isinstance(values, YamlMapping) else None
    names = [str(name) for name in analysis.by_name]
    hint = did_you_mean(str(key), names) or (f"there are {listed(names)}" if names else "it takes none")
    message = f'{_prefix(what)}there is no parameter "{key}"'
    return UnknownParameterError(message, origin=place or origin, hint=hint)


def _twice(one: Parameter, key: str, values: Any, origin: Origin | None, what: str) -> HivectlError:
    other = next(name for name in (one.name, *one.aliases) if name in values and name != key)
    place = values.key_origins.get(key) if isinstance(values, YamlMapping) else None
    message = f'{_prefix(what)}"{key}" and "{other}" are the same parameter'
    return ParameterValueError(message, origin=place or origin, hint="give one of them")


def _missing(one: Parameter, values: Any, origin: Origin | None, what: str) -> HivectlError:
    written = next((name for name in (one.name, *one.aliases) if name in values), None)
    if written is not None:
        message = f"{_prefix(what)}{written}: expected {one.kind.words}, not nothing"
        return MissingParameterError(message, origin=origin_of(values, written) or origin)
    hint = one.description or None
    return MissingParameterError(
        f'{_prefix(what)}"{one.name}" is missing', origin=_own(values, origin), hint=hint
    )
