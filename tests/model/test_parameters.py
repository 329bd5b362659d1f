from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.model.errors import Complaints, FaultError, InputError
from hivectl.model.origin import Origin
from hivectl.model.parameters import convert, parameter, parameters_of, schema_of
from hivectl.model.schema import Validator, check, plain
from hivectl.model.secret import Secret
from hivectl.model.yaml import load_text, load_yaml


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    key: str = parameter("A key.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    dest: str = parameter("Where to.", kind="path", aliases=["name"], example="/etc/motd")
    mode: str | None = parameter("Rights.", default=None, kind="mode")
    backup: bool = parameter("Keep the old one.", default=False)
    count: int = parameter("How many.", default=1)
    ratio: float = parameter("How much.", default=1.0)
    state: str = parameter("What shall be.", default="present", choices=["present", "absent"])
    power: str = parameter(
        "A choice that YAML takes for a boolean.", default="on", choices=["on", "off", "cycle"]
    )
    level: Literal["low", "high"] | None = parameter("How high.", default=None)
    colour: Colour = parameter("Which.", default=Colour.RED)
    packages: list[str] = parameter("Which ones.", default=[], aliases=["pkg"])
    numbers: tuple[int, ...] = parameter("Which.", default=())
    environment: dict[str, str] = parameter("Variables.", default={})
    options: dict[str, Any] | None = parameter("More.", default=None)
    content: Any = parameter("Anything.", default=None)
    password: str | Secret | None = parameter("Never shown.", default=None)
    token: Secret | None = parameter("Never shown.", default=None)
    timeout: float = parameter("How long.", default=0.0, kind="duration")
    seconds: int | None = parameter("How long.", default=None, kind="duration")
    folder: Path | None = parameter("Here.", default=None)
    either: str | list[str] | None = parameter("One or several.", default=None)
    inner: Inner | None = parameter("Nested.", default=None)
    from_: str | None = parameter("A word that Python keeps.", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    cacheable: bool = parameter("Keep.", default=False)
    facts: dict[str, Any] = parameter("All else.", default={}, kind="rest")


def value(**given_values: Any) -> Any:
    (name,) = given_values
    return getattr(convert(Everything, {"dest": "/x", **given_values}), name)


def complaint(**given_values: Any) -> str:
    with pytest.raises(Complaints) as caught:
        convert(Everything, {"dest": "/x", **given_values})
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "given_value", "converted"),
    [
        ("dest", 5, "5"),
        ("dest", True, "True"),
        ("backup", "yes", True),
        ("backup", "Off", False),
        ("backup", 1, True),
        ("count", "5", 5),
        ("count", 5.0, 5),
        ("ratio", "0.5", 0.5),
        ("ratio", 2, 2.0),
        ("power", True, "on"),
        ("power", False, "off"),
        ("level", "high", "high"),
        ("colour", "blue", Colour.BLUE),
        ("packages", "git, tmux", ["git", "tmux"]),
        ("packages", ["git", 5], ["git", "5"]),
        ("packages", "", []),
        ("packages", 5, ["5"]),
        ("numbers", ["1", 2], (1, 2)),
        ("environment", {"A": 1}, {"A": "1"}),
        ("environment", "A=1 B='x y'", {"A": "1", "B": "x y"}),
        ("environment", '{"A": "1"}', {"A": "1"}),
        ("content", {"a": [1]}, {"a": [1]}),
        ("timeout", "1h30m", 5400.0),
        ("timeout", "500ms", 0.5),
        ("timeout", 30, 30.0),
        ("seconds", "2m", 120),
        ("folder", "/srv", Path("/srv")),
        ("either", "a, b", "a, b"),
        ("either", ["a", "b"], ["a", "b"]),
        ("inner", {"key": 1}, Inner(key="1")),
        ("level", None, None),
        ("count", None, 1),
        ("mode", 0o644, "0644"),
        ("mode", "644", "0644"),
        ("mode", "0o755", "0755"),
        ("mode", 0o1777, "1777"),
        ("mode", 0, "0000"),
        ("mode", "u=rw,g=r,o=", "u=rw,g=r,o="),
        ("mode", "a+X", "a+X"),
        ("mode", "preserve", "preserve"),
    ],
)
def test_values_become_what_ansible_makes_of_them(name: str, given_value: Any, converted: Any) -> None:
    made = value(**{name: given_value})
    assert made == converted
    assert type(made) is type(converted)


@pytest.mark.parametrize(
    ("name", "given_value", "message"),
    [
        ("dest", ["a"], "dest: expected a text, not a list"),
        ("backup", "maybe", 'backup: expected yes or no, not "maybe"'),
        ("count", True, "count: expected a whole number, not yes/true"),
        ("count", 1.5, "count: expected a whole number"),
        ("count", "x" * 100, '"' + "x" * 37 + '..."'),
        ("ratio", "inf", "ratio: expected a number"),
        ("state", "absnt", 'did you mean "absent"?'),
        ("colour", "green", "expected one of red, blue"),
        ("packages", {"a": 1}, "packages: expected a list"),
        ("packages", ["a", ["b"]], "packages: expected a text, not a list"),
        ("environment", "just text", "environment: expected a mapping"),
        ("environment", "{" * 5000, "environment: expected a mapping"),
        ("timeout", -1, "expected a duration"),
        ("timeout", "5 years", "expected a duration"),
        ("seconds", 0.5, "whole seconds"),
        ("mode", 644, 'write "0644", with quotes'),
        ("mode", 755, "755 without a leading zero is not the mode 0755 but 0o1363"),
        ("mode", 0o10000, "expected a file mode"),
        ("mode", "0999", "expected a file mode"),
        ("mode", "u=rwz", "expected a file mode"),
        ("mode", True, "expected a file mode"),
        ("inner", {"kye": 1}, 'there is no parameter "kye"'),
        ("inner", 5, "inner: expected a mapping"),
        ("destt", 1, 'there is no parameter "destt" (did you mean "dest"?)'),
        ("name", "/y", '"name" and "dest" are the same parameter'),
    ],
)
def test_what_does_not_fit_is_explained(name: str, given_value: Any, message: str) -> None:
    assert message in complaint(**{name: given_value})


def test_all_complaints_come_at_once_with_their_places() -> None:
    document = load_text("mode: 99999\npackages: [a, {b: 1}]\nbakup: yes\n", "f.yml")
    with pytest.raises(Complaints) as caught:
        convert(Everything, document, origin=Origin("f.yml", 9, 9), what="copy")
    assert [str(error) for error in caught.value.errors] == [
        'f.yml:1:7: copy: mode: expected a file mode such as "0644", 0644 or u=rw,g=r, not the number 99999',
        "f.yml:2:15: copy: packages: expected a text, not a mapping",
        'f.yml:3:1: copy: there is no parameter "bakup" (did you mean "backup"?)',
        'f.yml:1:1: copy: "dest" is missing (Where to.)',
    ]
    with pytest.raises(Complaints, match=r"f\.yml:9:9"):
        convert(Everything, {}, origin=Origin("f.yml", 9, 9))
    with pytest.raises(Complaints, match="dest: expected a text, not nothing"):
        convert(Everything, {"dest": None})


@pytest.mark.parametrize(
    ("written", "mode"), [("0500", "0500"), ("0420", "0420"), ("0o644", "0644"), ("00644", "0644")]
)
def test_an_octal_mode_is_known_by_its_file(written: str, mode: str, tmp_path: Path) -> None:
    file = tmp_path / "f.yml"
    file.write_text(f"dest: /x\nmode: {written}\n")
    assert convert(Everything, load_yaml(file)).mode == mode


@pytest.mark.parametrize("written", ["500", "420", "644", "1777"])
def test_a_decimal_mode_is_known_by_its_file(written: str, tmp_path: Path) -> None:
    file = tmp_path / "f.yml"
    file.write_text(f"dest: /x\nmode: {written}\n")
    with pytest.raises(Complaints, match=f'write "0{written}", with quotes'):
        convert(Everything, load_yaml(file))


def test_secrets_stay_secret() -> None:
    secret = Secret("hidden")
    assert value(password=secret) is secret
    assert value(token=secret) is secret
    made = value(token="text")
    assert isinstance(made, Secret)
    assert made.reveal() == "text"
    assert value(password="text") == "text"
    said = complaint(count=secret)
    assert "hidden" not in said
    assert "not a secret" in said
    assert value(content={"a": secret})["a"] is secret


def test_the_rest_takes_every_other_key() -> None:
    assert convert(Rest, {"a": 1, "cacheable": "yes", "b": [2]}) == Rest(
        cacheable=True, facts={"a": 1, "b": [2]}
    )
    assert schema_of(Rest)["additionalProperties"] is True


def test_a_class_may_have_rules_of_its_own() -> None:
    @dataclass(frozen=True)
    class Either:
        a: int = parameter("One.", default=0)
        b: int = parameter("Other.", default=0)

        def __post_init__(self) -> None:
            if self.a and self.b:
                raise InputError("give a or b")

    with pytest.raises(Complaints, match=r"f\.yml:1:1: give a or b"):
        convert(Either, load_text("a: 1\nb: 1\n", "f.yml"))


def test_a_type_that_no_value_has_is_our_fault() -> None:
    @dataclass(frozen=True)
    class Odd:
        a: complex = parameter("Odd.")

    with pytest.raises(FaultError, match="complex"):
        parameters_of(Odd)


def test_docs_see_names_words_and_defaults() -> None:
    known = {one.name: one for one in parameters_of(Everything)}
    assert known["dest"].required
    assert known["dest"].aliases == ("name",)
    assert known["from"].attribute == "from_"
    assert known["state"].choices == ("present", "absent")
    properties = schema_of(Everything)["properties"]
    assert properties["dest"]["description"] == "Where to."
    assert properties["dest"]["examples"] == ["/etc/motd"]
    assert properties["backup"]["default"] is False
    assert schema_of(Everything, required=False).get("allOf") is None


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5000),
        st.floats(-5, 5, allow_nan=False),
        st.sampled_from(
            [
                "yes",
                "off",
                "5",
                "0644",
                "u=rw",
                "present",
                "absent",
                "on",
                "low",
                "2h",
                "90s",
                "a=1",
                "1.5",
                "",
            ]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["key", "a"]), inner, max_size=2)
    ),
    max_leaves=3,
)
# a text may stand for a list or a mapping in ways that no schema can follow, and a number may be no mode
LOOSE = {"numbers", "environment", "options", "mode", "seconds", "inner"}


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([one.name for one in parameters_of(Everything) if one.name not in LOOSE]),
        anything,
        max_size=3,
    )
)
def test_the_schema_takes_what_is_converted_and_both_checkers_agree(values: dict[str, Any]) -> None:
    values = {
        "dest": "/x",
        **{key: item for key, item in values.items() if key != "dest" or item is not None},
    }
    schema = schema_of(Everything, templates=False)
    try:
        convert(Everything, values)
        converts = True
    except Complaints:
        converts = False
    assert jsonschema.Draft202012Validator(schema).is_valid(values) == (not check(schema, values)) == converts


def test_templates_and_secrets_fit_anywhere() -> None:
    values = {one.name: "{{ x }}" for one in parameters_of(Everything)}
    values["inner"] = {"key": "{{ x }}"}  # type: ignore[assignment]  # the only nested one
    validator = Validator(schema_of(Everything))
    assert validator.check(values) == []
    assert (
        validator.check(
            values | {"password": Secret("x"), "packages": [Secret("y")], "content": {1: Secret("z")}}
        )
        == []
    )
    assert plain({1: Secret("z"), "a": (1,)}) == {"1": "{{ secret }}", "a": [1]}
    assert Validator(schema_of(Everything, templates=False)).check(values)
