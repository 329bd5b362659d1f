"""What a parameter's type means: how values become it, its JSON Schema, its words for people."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from hivectl.model import scalars
from hivectl.model.errors import FaultError
from hivectl.model.paths import user_path
from hivectl.model.records import record
from hivectl.model.scalars import TEMPLATE, UnfitError, unfit
from hivectl.model.secret import Secret
from hivectl.model.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

Schema = dict[str, Any]
ANYTHING = (Any, object)


@record(kw_only=True)
class Kind:
    """What a type means.

    Attributes:
        words: what is expected, for complaints.
        convert: value -> value of the type; raises UnfitError.
        schema: whether templates fit -> JSON Schema.
        exact: types whose values need no conversion at all.
        nullable: None is a value of the type.
        located: `convert` takes the value's origin as a second argument.
    """

    words: str
    convert: Callable[..., Any]
    schema: Callable[[bool], Schema]
    exact: frozenset[type] = frozenset()
    nullable: bool = False
    located: bool = False


def kind_of(annotation: Any, meaning: str | None = None, choices: Sequence[Any] | None = None) -> Kind:
    """Return what a field's annotation means.

    Args:
        annotation: a resolved type.
        meaning: the `kind` of `parameter`.
        choices: the allowed values.

    Raises:
        FaultError: the annotation is none that parameters may have.
    """
    members = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    nullable = type(None) in members
    members = tuple(member for member in members if member is not type(None))
    if meaning == "raw" or any(member in ANYTHING for member in members):
        return RAW
    if choices and not any(_item_of(member) for member in members):
        kind = _choice(choices)
    elif meaning == "mode" and not _item_of(members[0]):
        kind = MODE
    elif meaning == "duration" and not _item_of(members[0]):
        kind = _duration(members)
    else:
        kinds = [_single(member, meaning, choices) for member in members]
        kind = kinds[0] if len(kinds) == 1 else _union(kinds)
    return replace(kind, nullable=True) if nullable else kind


def with_null(schema: Schema) -> Schema:
    """Return a schema that takes null too: an empty value means the default."""
    if "type" in schema:
        known = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return (
            schema
            | {"type": [*known, "null"]}
            | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})
        )
    if "anyOf" in schema:
        return schema | {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


def _item_of(annotation: Any) -> Any:
    """Return the type of a list's items, None for what is no list."""
    origin = get_origin(annotation) or annotation
    if origin in {list, tuple, Sequence, set, frozenset}:
        arguments = get_args(annotation)
        return arguments[0] if arguments else str
    return None


def _single(annotation: Any, meaning: str | None, choices: Sequence[Any] | None) -> Kind:
    simple = SIMPLE.get(annotation)
    if simple is not None:
        return simple
    if get_origin(annotation) is Literal:
        return _choice(get_args(annotation))
    item = _item_of(annotation)
    if item is not None:
        return _list(kind_of(item, meaning, choices), get_origin(annotation) or annotation)
    if (get_origin(annotation) or annotation) in {dict, Mapping}:
        arguments = get_args(annotation)
        return _mapping(kind_of(arguments[1]) if arguments else RAW)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _enum(annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        return _nested(annotation)
    raise FaultError(f"a parameter cannot be of type {annotation!r}")


def _text(pattern: str, *, templates: bool) -> Schema:
    return {"pattern": f"{pattern}|{TEMPLATE}" if templates else pattern}


def _choice(choices: Sequence[Any]) -> Kind:
    words = "one of " + ", ".join(str(choice) for choice in choices)
    texts = {str(choice): choice for choice in choices}
    # YAML makes a boolean of a bare `no`: it means the only choice that is a word for it, as Ansible has it
    booleans: dict[Any, Any] = {}
    for boolean, names in ((True, scalars.TRUE), (False, scalars.FALSE)):
        meant = [choice for choice in choices if str(choice).lower() in names]
        if len(meant) == 1:
            booleans[boolean] = meant[0]

    def convert(value: Any) -> Any:
        if isinstance(value, bool):
            if value in booleans:
                return booleans[value]
        elif isinstance(value, str | int | float) and str(value) in texts:
            return texts[str(value)]
        if value is None and None in choices:
            return None
        hint = did_you_mean(value, texts) if isinstance(value, str) else None
        raise unfit(words, value, hint=hint)

    def schema(templates: bool) -> Schema:  # noqa: FBT001  # called by one place, with a name
        numbers = [
            int(text) for text in texts if text.isdigit() and text not in choices and str(int(text)) == text
        ]
        values = list(dict.fromkeys([*choices, *(text for text in texts if text not in choices)]))
        allowed = [*values, *(boolean for boolean in booleans if boolean not in choices), *numbers]
        unique = [
            value
            for place, value in enumerate(allowed)
            if not any(_same(value, other) for other in allowed[:place])
        ]
        return (
            {"anyOf": [{"enum": unique}, {"type": "string", "pattern": TEMPLATE}]}
            if templates
            else {"enum": unique}
        )

    return Kind(words=words, convert=convert, schema=schema, nullable=None in choices)


def _same(left: Any, right: Any) -> bool:
    """Whether two values are one to JSON, where true is not 1."""
    return type(left) is type(right) and bool(left == right)


def _duration(members: Sequence[Any]) -> Kind:
    def whole(value: Any) -> int:
        seconds = scalars.to_duration(value)
        if not seconds.is_integer():
            raise unfit("a duration in whole seconds", value)
        return int(seconds)

    def text(value: Any) -> str:
        scalars.to_duration(value)
        return str(value)

    convert = scalars.to_duration if float in members else whole if int in members else text
    return Kind(
        words="a duration such as 90s, 5m, 1h30m or a number of seconds",
        convert=convert,
        schema=lambda templates: (
            {"type": ["number", "string"], "minimum": 0} | _text(scalars.DURATION, templates=templates)
        ),
    )


def _list(item: Kind, container: Any) -> Kind:
    words = f"a list ({item.words} each)"
    make: Any = container if container in {tuple, set, frozenset} else None

    def convert(value: Any) -> Any:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",")] if value.strip() else []
        elif isinstance(value, int | float) and not isinstance(value, bool):
            value = [value]
        elif not isinstance(value, list | tuple):
            raise unfit(words, value, hint="write it as [item, item]" if isinstance(value, dict) else None)
        result = []
        for place, element in enumerate(value):
            if type(element) in item.exact or (element is None and item.nullable):
                result.append(element)
                continue
            try:
                result.append(item.convert(element))
            except UnfitError as error:
                raise UnfitError(error.message, hint=error.hint, keys=(place, *error.keys)) from None
        return make(result) if make else result

    return Kind(
        words=words,
        convert=convert,
        schema=lambda templates: {"type": ["array", "string", "number"], "items": item.schema(templates)},
    )


def _mapping(item: Kind) -> Kind:
    words = "a mapping" if item is RAW else f"a mapping ({item.words} each)"

    def convert(value: Any) -> dict[Any, Any]:
        if isinstance(value, str):
            value = _mapping_of_text(value)
        if not isinstance(value, dict):
            raise unfit(words, value, hint="write it as key: value")
        if item is RAW:
            return value
        result = {}
        for key, element in value.items():
            try:
                result[key] = element if type(element) in item.exact else item.convert(element)
            except UnfitError as error:
                raise UnfitError(error.message, hint=error.hint, keys=(key, *error.keys)) from None
        return result

    def schema(templates: bool) -> Schema:  # noqa: FBT001  # called by one place, with a name
        inner = {"additionalProperties": item.schema(templates)} if item is not RAW else {}
        return {"type": ["object", "string"]} | inner | _text(r"=|^\s*\{", templates=templates)

    return Kind(words=words, convert=convert, schema=schema)


def _mapping_of_text(text: str) -> Any:
    """Return the mapping in JSON text, or in key=value text, as Ansible reads it; None when there is none."""
    import shlex

    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None
    try:
        pairs = [pair.partition("=") for pair in shlex.split(text.replace(",", " "))]
    except ValueError:
        return None
    return (
        {key: value for key, _, value in pairs} if pairs and all(equals for _, equals, _ in pairs) else None
    )


def _enum(cls: type[Enum]) -> Kind:
    inner = _choice([member.value for member in cls])

    def convert(value: Any) -> Any:
        return value if isinstance(value, cls) else cls(inner.convert(value))

    return Kind(words=inner.words, convert=convert, schema=inner.schema)


def _nested(cls: type[Any]) -> Kind:
    """Return the kind of a mapping that has parameters of its own."""
    from hivectl.model.errors import Complaints
    from hivectl.model.parameters import convert, schema_of

    def make(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            raise unfit("a mapping", value)
        try:
            return convert(cls, value)
        except Complaints as complaints:
            raise UnfitError("; ".join(error.message for error in complaints.errors)) from None

    return Kind(words="a mapping", convert=make, schema=lambda templates: schema_of(cls, templates=templates))


def _union(kinds: Sequence[Kind]) -> Kind:
    secret = SIMPLE[Secret] in kinds  # which takes a text too
    words = " or ".join(dict.fromkeys(kind.words for kind in kinds if kind is not TEXT or not secret))

    def convert(value: Any) -> Any:
        # what needs no splitting or parsing wins: a mapping given to `str | dict` stays one
        if isinstance(value, dict | list):
            for kind in kinds:
                if kind.words.startswith("a list" if isinstance(value, list) else "a mapping"):
                    return kind.convert(value)
        for kind in kinds:
            try:
                return kind.convert(value)
            except UnfitError:  # the next kind may take it
                continue
        raise unfit(words, value)

    def schema(templates: bool) -> Schema:  # noqa: FBT001  # called by one place, with a name
        parts = [kind.schema(templates) for kind in kinds]
        distinct = [part for place, part in enumerate(parts) if part not in parts[:place]]
        return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}

    exact = frozenset[type]().union(*(kind.exact for kind in kinds))
    return Kind(words=words, convert=convert, schema=schema, exact=exact)


def _to_secret(value: Any) -> Secret:
    return value if isinstance(value, Secret) else Secret(scalars.to_text(value))


def _plain_schema(_templates: bool) -> Schema:  # noqa: FBT001  # called by one place, with a name
    return {"type": ["string", "number", "boolean"]}


RAW = Kind(words="any value", convert=lambda value: value, schema=lambda _templates: {}, nullable=True)
TEXT = Kind(words="a text", convert=scalars.to_text, schema=_plain_schema, exact=frozenset({str}))
MODE = Kind(
    words='a file mode such as "0644", 0644 or u=rw,g=r',
    convert=scalars.to_mode,
    located=True,
    schema=lambda templates: (
        {"type": ["string", "integer"], "minimum": 0, "maximum": 0o7777}
        | _text(scalars.MODE, templates=templates)
    ),
)
SIMPLE: Mapping[Any, Kind] = {
    str: TEXT,
    int: Kind(
        words="a whole number",
        convert=scalars.to_whole,
        exact=frozenset({int}),
        schema=lambda templates: {"type": ["integer", "string"]} | _text(scalars.WHOLE, templates=templates),
    ),
    float: Kind(
        words="a number",
        convert=scalars.to_number,
        schema=lambda templates: {"type": ["number", "string"]} | _text(scalars.NUMBER, templates=templates),
    ),
    bool: Kind(
        words="yes or no",
        convert=scalars.to_boolean,
        exact=frozenset({bool}),
        schema=lambda templates: (
            {"type": ["boolean", "string", "number"], "minimum": 0, "maximum": 1, "multipleOf": 1}
            | _text(scalars.BOOLEAN, templates=templates)
        ),
    ),
    Path: Kind(
        words="a path",
        convert=lambda value: value if isinstance(value, Path) else user_path(scalars.to_text(value)),
        schema=_plain_schema,
    ),
    Secret: Kind(
        words="a text, or !env NAME, !file PATH, !command [..]",
        convert=_to_secret,
        exact=frozenset({Secret}),
        schema=_plain_schema,
    ),
}
