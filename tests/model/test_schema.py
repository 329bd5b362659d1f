from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest

from hivectl.model.errors import FaultError
from hivectl.model.parameters import parameter
from hivectl.model.schema import Validator, check, plain, playbook_schema
from hivectl.model.suggestions import nearest
from hivectl.model.yaml import load_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    dest: str = parameter("Where to.")
    mode: str | None = parameter("Rights.", default=None, kind="mode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    cmd: str = parameter("What to run.")
    chdir: str | None = parameter("Where.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    data: str = parameter("What comes back.", default="pong")


SECTION: dict[str, Any] = {"type": "array"}
PLAY: dict[str, dict[str, Any]] = {
    "name": {"type": "string"},
    "hosts": {"type": ["string", "array"]},
    "tasks": SECTION,
    "import_playbook": {"type": "string"},
}
TASK: dict[str, dict[str, Any]] = {"name": {"type": "string"}, "when": {}, "args": {"type": "object"}}
BLOCK: dict[str, dict[str, Any]] = {
    "name": {"type": "string"},
    "when": {},
    "block": SECTION,
    "always": SECTION,
}
MODULES: dict[str, tuple[type[Any], str | None, str]] = {
    "copy": (Copy, None, "Copy."),
    "command": (Command, "cmd", "Run."),
    "ping": (Ping, None, "Answer."),
}
SCHEMA = playbook_schema(PLAY, TASK, MODULES, block_keywords=BLOCK)


@pytest.mark.parametrize(
    ("task", "complaint"),
    [
        ("copy: {dest: /x, mode: 0644}", None),
        ("ansible.builtin.copy: {dest: '{{ x }}', mode: '0644'}", None),
        ("command: uptime", None),
        ("command: {cmd: uptime, chdir: /}", None),
        ("{command: , args: {cmd: uptime}}", None),
        ("ping:", None),
        ("{name: x, ping: , when: a}", None),
        ("block: [{ping: }, {block: [{copy: {dest: /x}}], always: [{ping: }]}]", None),
        ("copy: {dset: /x}", 'there is no key "dset" (did you mean "dest"?)'),
        ("copy: {dest: [/x]}", "copy.dest: expected a text, not a list"),
        ("copy: {mode: 0644}", '"dest" is missing'),
        ("copy: {dest: /x, mode: u=rwz}", "expected a file mode"),
        ("copy: /x", "copy: expected"),
        ("name: nothing", "expected a task with exactly one module"),
        ("{ping: , command: uptime}", "expected a task with exactly one module"),
        ("cpoy: {dest: /x}", 'there is no key "cpoy" (did you mean "copy"?)'),
        ("block: [{pnig: }]", 'did you mean "ping"?'),
        ("{block: [], args: {}}", 'there is no key "args"'),
    ],
)
def test_tasks_in_editors(task: str, complaint: str | None) -> None:
    document = load_text(f"- hosts: all\n  tasks:\n    - {task}\n", "f.yml")
    faults = check(SCHEMA, document)
    assert (
        jsonschema.Draft202012Validator(SCHEMA).is_valid(plain(document))
        == (not faults)
        == (complaint is None)
    )
    if complaint is not None:
        assert any(complaint in str(fault) for fault in faults), [str(fault) for fault in faults]
        assert all(str(fault).startswith("f.yml:3:") for fault in faults)


def test_plays_in_editors() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert check(SCHEMA, [{"import_playbook": "x.yml"}]) == []
    assert 'there is no key "host"' in str(check(SCHEMA, load_text("- host: all", "f.yml"))[0])
    assert "ansible.builtin.copy" in SCHEMA["$defs"]["task"]["properties"]


@pytest.mark.parametrize(
    ("schema", "text", "complaint"),
    [
        ({"type": "object"}, "a:1", 'expected a mapping, not "a:1" (a space is missing after the colon)'),
        (
            {"properties": {"a": {"type": "integer"}}},
            "a: x",
            'f.yml:1:4: a: expected a whole number, not "x"',
        ),
        (
            {"properties": {"a": {"items": {"type": "string"}}}},
            "a: [x, 1]",
            "f.yml:1:8: a[1]: expected a text, not the number 1",
        ),
        (
            {"properties": {"a": {"enum": ["on", "off"]}}},
            "a: 'offf'",
            'one of on, off, not "offf" (did you mean "off"?)',
        ),
        ({"properties": {"a": {"minimum": 3}}}, "a: 1", "expected at least 3"),
        ({"properties": {"a": {"minLength": 1}}}, "a: ''", "a text that is not empty"),
        ({"properties": {"a": {"minItems": 1}}}, "a: []", "at least 1 item"),
        ({"properties": {"a": {"uniqueItems": True}}}, "a: [1, 1]", "without repetitions"),
        ({"properties": {"a": {"pattern": "^x"}}}, "a: y", "fits ^x"),
        ({"properties": {"a": {"const": 1}}}, "a: 2", "exactly 1"),
        ({"properties": {"a": False}}, "a: 2", "a: "),
        ({"propertyNames": {"pattern": "^[a-z]+$"}}, "A: 2", 'f.yml:1:1: "A" is not a name here'),
        (
            {"anyOf": [{"type": "string"}, {"type": "array"}]},
            "a: 1",
            "expected a text or a list, not a mapping",
        ),
        ({"additionalProperties": {"type": "string"}}, "5: [1]", "f.yml:1:4: 5: expected a text, not a list"),
        ({"required": ["a"]}, "b: !env X", 'f.yml:1:1: "a" is missing'),
        ({"properties": {"a": {"type": "integer"}}}, "a: !env X", "a: expected a whole number, not a secret"),
    ],
)
def test_complaints_are_plain_words(schema: dict[str, Any], text: str, complaint: str) -> None:
    document = load_text(text, "f.yml")
    faults = check(schema, document)
    assert len(faults) == 1
    assert complaint in str(faults[0])
    assert not jsonschema.Draft202012Validator(schema).is_valid(plain(document))


def test_values_without_origins_take_that_of_the_whole() -> None:
    (fault,) = check({"type": "object"}, [], what="facts", origin=load_text("a: 1", "f.yml").origin)
    assert str(fault) == "f.yml:1:1: facts: expected a mapping, not a list"


def test_a_wrong_schema_is_our_fault() -> None:
    with pytest.raises(FaultError):
        Validator({"type": "mapping"})


@pytest.mark.parametrize(
    ("name", "best"),
    [
        ("hots", "hosts"),
        ("HOST", "host"),
        ("identity-file", "identity_file"),
        ("zzz", None),
        ("x" * 500, None),
    ],
)
def test_the_nearest_name(name: str, best: str | None) -> None:
    assert nearest(name, ["host", "hosts", "identity_file", "port"]) == best
