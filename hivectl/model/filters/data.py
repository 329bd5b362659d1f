"""Filters between values and their written forms, and on mappings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from jinja2.runtime import Undefined

from hivectl.model.filters.sets import membership
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.limits import check_items, check_text, check_width, count_deep, step
from hivectl.model.templating.undefined import explain
from hivectl.model.templating.values import finish

DEEPEST = 100  # levels of nesting in YAML
LIST_MERGES = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


def to_json(value: Any, **options: Any) -> str:
    """Return the JSON (RFC 8259) of a value; options are those of Python's json.dumps that Ansible's users know."""
    return _dump(value, {"ensure_ascii": True} | options)


def to_nice_json(
    value: Any, indent: int = 4, sort_keys: bool = True, **options: Any
) -> str:  # Ansible's parameter
    """Return the JSON of a value over several lines, keys sorted."""
    return _dump(value, {"indent": indent, "sort_keys": sort_keys, "separators": (",", ": ")} | options)


def to_json_for_html(value: Any, indent: int | None = None) -> str:
    """Return the JSON of a value, keys sorted, fit for a script in HTML (Jinja2's own filter)."""
    text = _dump(value, {"sort_keys": True, "indent": indent})
    for mark in "<>&'":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def _dump(value: Any, options: dict[str, Any]) -> str:
    known = {"indent", "sort_keys", "separators", "ensure_ascii", "allow_nan", "skipkeys"}
    ignored = {"vault_to_text", "preprocess_unsafe"}  # of Ansible's; there is nothing like it here
    if unknown := options.keys() - known - ignored:
        raise TypeError(f"there is no option {', '.join(sorted(unknown))}")
    chosen = {name: option for name, option in options.items() if name in known}
    _check_margin(chosen.get("indent"))
    if isinstance(chosen.get("separators"), list):
        chosen["separators"] = tuple(chosen["separators"])
    return json.dumps(finish(value), **chosen)


def _check_margin(indent: Any) -> None:
    check_width((len(indent) if isinstance(indent, str) else int(indent or 0)) * 100)


def from_json(text: Any) -> Any:
    """Return the value that a JSON text stands for."""
    if not isinstance(text, str | bytes):
        raise TemplateValueError(f"from_json needs a text, not a value of type {type_debug(text)}")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise TemplateValueError(
            f"the text is no JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None


def to_yaml(value: Any, default_flow_style: bool | None = None, **options: Any) -> str:
    """Return the YAML 1.1 of a value, in as few lines as is usual."""
    return _dump_yaml(value, {"default_flow_style": default_flow_style, "allow_unicode": True} | options)


def to_nice_yaml(value: Any, indent: int = 4, **options: Any) -> str:
    """Return the YAML of a value over several lines."""
    return _dump_yaml(value, {"indent": indent, "allow_unicode": True, "default_flow_style": False} | options)


def _dump_yaml(value: Any, options: dict[str, Any]) -> str:
    import yaml

    _check_margin(options.get("indent"))
    step(count_deep(value) * 8)  # the writer of YAML takes 50 µs a value
    # a lone scalar ends with a mark that nobody wants in a file
    return str(yaml.dump(finish(value), Dumper=_dumper(), **options)).removesuffix("...\n")


@cache
def _dumper() -> Any:
    """Return PyYAML's writer, which takes our own kinds of mappings and lists for what they are."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Knows subclasses too."""

    Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
    Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)
    return Dumper


def from_yaml(text: Any) -> Any:
    """Return the value that a YAML text stands for; dates stay texts."""
    documents = from_yaml_all(text)
    if not isinstance(text, str):
        return text
    if len(documents) > 1:
        raise TemplateValueError("the text holds several YAML documents", hint="use from_yaml_all")
    return documents[0] if documents else None


def from_yaml_all(text: Any) -> Any:
    """Return the values of every document in a YAML text."""
    import yaml

    if not isinstance(text, str):
        return text
    check_text(len(text) * 10)
    try:
        return list(yaml.load_all(text, Loader=_loader()))  # derived from the safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise TemplateValueError(f"the text is no YAML: {error.problem}{where}") from None
    except (yaml.YAMLError, RecursionError):
        raise TemplateValueError("the text is no YAML") from None


@cache
def _loader() -> Any:
    """Return PyYAML's safe loader, with bounds on depth and on what merged mappings (`<<`) may grow to.

    libyaml's composer calls itself for each level, and ends the process where the stack ends.
    """
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]  # the base is chosen as it runs
        depth = 0

        def descend_resolver(self, _node: Any, _index: Any) -> None:
            self.depth += 1
            if self.depth > DEEPEST:
                raise TemplateValueError(f"the YAML text is nested more than {DEEPEST} levels deep")

        def ascend_resolver(self) -> None:
            self.depth -= 1

        def flatten_mapping(self, node: Any) -> None:
            super().flatten_mapping(node)
            check_items(len(node.value) * 10)

    return Loader


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:  # Jinja2's parameter
    """Return the value; where it is undefined (or false, if `boolean`) the default."""
    if isinstance(value, Undefined) or (boolean and not value):
        return default_value
    return value


def mandatory(value: Any, msg: str | None = None) -> Any:
    """Return the value; raises what is undefined, with a message of one's own."""
    if isinstance(value, Undefined):
        if msg is not None:
            raise explain(str(msg), None, None)
        str(value)
    return value


def ternary(value: Any, true_value: Any, false_value: Any, none_value: Any = None) -> Any:
    """Return one of two values, as the first one is true or not."""
    if isinstance(value, Undefined):
        str(value)
    if value is None and none_value is not None:
        return none_value
    return true_value if value else false_value


def combine(*values: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Return the mappings merged, later ones winning."""
    if list_merge not in LIST_MERGES:
        raise TemplateValueError(f'there is no list_merge "{list_merge}"', hint=", ".join(LIST_MERGES))
    mappings: list[Any] = []
    for value in values:
        mappings.extend(_flat(value) if isinstance(value, list | tuple) else [value])
    merged: dict[Any, Any] = {}
    for mapping in mappings:
        if not isinstance(mapping, Mapping):
            raise TemplateValueError(
                f"combine needs mappings, and one value is of type {type(mapping).__name__}"
            )
        merged = _merge(merged, mapping, recursive=recursive, list_merge=list_merge)
    return merged


def _flat(values: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    for value in values:
        flat.extend(_flat(value) if isinstance(value, list | tuple) else [value])
    return flat


def _merge(
    low: Mapping[Any, Any], high: Mapping[Any, Any], *, recursive: bool, list_merge: str
) -> dict[Any, Any]:
    merged = dict(low)
    for key, value in high.items():
        before = merged.get(key)
        if recursive and isinstance(before, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(before, value, recursive=True, list_merge=list_merge)
        elif isinstance(before, list) and isinstance(value, list):
            merged[key] = _merge_lists(before, value, list_merge)
        else:
            merged[key] = value
    return merged


def _merge_lists(low: list[Any], high: list[Any], how: str) -> list[Any]:
    inside = membership(high)
    match how:
        case "keep":
            return low
        case "append":
            return low + high
        case "prepend":
            return high + low
        case "append_rp":
            return [item for item in low if not inside(item)] + high
        case "prepend_rp":
            return high + [item for item in low if not inside(item)]
    return high


def dict2items(
    value: Mapping[Any, Any], key_name: str = "key", value_name: str = "value"
) -> list[dict[str, Any]]:
    """Return a mapping as a list of mappings with a key and a value each."""
    if not isinstance(value, Mapping):
        raise TemplateValueError(f"dict2items needs a mapping, not a value of type {type(value).__name__}")
    return [{key_name: key, value_name: value[key]} for key in value]


def items2dict(
    values: Iterable[Mapping[Any, Any]], key_name: str = "key", value_name: str = "value"
) -> dict[Any, Any]:
    """Return a list of mappings with a key and a value each as one mapping."""
    return {item[key_name]: item[value_name] for item in values}


def rekey_on_member(value: Any, key: str, duplicates: str = "error") -> dict[Any, Any]:
    """Return a mapping of mappings (or a list of them) keyed by one of their members."""
    if duplicates not in {"error", "overwrite"}:
        raise TemplateValueError(f'there is no duplicates "{duplicates}"', hint="error, overwrite")
    rekeyed: dict[Any, Any] = {}
    for item in value.values() if isinstance(value, Mapping) else value:
        member = item[key]
        if duplicates == "error" and member in rekeyed:
            raise TemplateValueError(f"two values have the same {key}", hint="duplicates='overwrite'")
        rekeyed[member] = item
    return rekeyed


def type_debug(value: Any) -> str:
    """Return the name of a value's type."""
    kind = type(value).__name__
    return {"YamlMapping": "dict", "OwnDict": "dict", "YamlList": "list", "OwnList": "list"}.get(kind, kind)


def to_text(value: Any) -> str:
    """Return the text of a value."""
    text = str(value)
    check_text(len(text))
    return text


def items(value: Any) -> list[list[Any]]:
    """Return the pairs of a mapping; none of an undefined one."""
    if isinstance(value, Undefined):
        return []
    check_items(len(value) * 2)
    return [[key, value[key]] for key in value]


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "to_json": to_json,
        "tojson": to_json_for_html,
        "to_nice_json": to_nice_json,
        "from_json": from_json,
        "to_yaml": to_yaml,
        "to_nice_yaml": to_nice_yaml,
        "from_yaml": from_yaml,
        "from_yaml_all": from_yaml_all,
        "default": default,
        "d": default,
        "mandatory": mandatory,
        "ternary": ternary,
        "combine": combine,
        "dict2items": dict2items,
        "items2dict": items2dict,
        "rekey_on_member": rekey_on_member,
        "type_debug": type_debug,
        "string": to_text,
        "items": items,
    }
)
