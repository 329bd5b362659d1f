from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.model import yaml as ours
from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.excerpt import excerpt
from hivectl.model.origin import Origin
from hivectl.model.secret import MASK, Secret, reveal
from hivectl.model.secret_tags import SecretSourceError, from_command
from hivectl.model.yaml import DuplicateKeyError, YamlList, YamlMapping, load_text, load_yaml, origin_of
from tests.support.helper import wait_until_gone


def fault(text: str) -> str:
    with pytest.raises(HivectlError) as caught:
        load_text(text, "f.yml")
    return str(caught.value)


def test_values_know_where_they_were_written() -> None:
    document = load_text("a: 1\nb:\n  - x\n  - {c: 2}\n", "f.yml")
    assert isinstance(document, YamlMapping)
    assert document == {"a": 1, "b": ["x", {"c": 2}]}
    assert document.key_origins["b"] == Origin("f.yml", 2, 1)
    assert origin_of(document, "a") == Origin("f.yml", 1, 4)
    assert isinstance(document["b"], YamlList)
    assert origin_of(document["b"], 1) == Origin("f.yml", 4, 5)
    assert origin_of(document["b"][1], "c") == Origin("f.yml", 4, 9)
    assert origin_of(document, "absent") is None
    assert origin_of({}, "a") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("0644", 0o644),
        ("644", 644),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("1:30", 90),
        ("08", "08"),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("-.inf", float("-inf")),
        ("~", None),
        ("", None),
        ("2024-01-31", "2024-01-31"),
        ("'yes'", "yes"),
        ("=", "="),
        ("!!str 5", "5"),
        ("!!int '5'", 5),
    ],
)
def test_scalars_are_those_of_yaml_1_1(text: str, value: Any) -> None:
    loaded = load_text(f"a: {text}", "f.yml")["a"]
    assert loaded == value
    assert type(loaded) is type(value)


def test_a_key_is_never_a_boolean() -> None:
    assert load_text("on: bench1\nyes: 1\nnull: 2\n1.5: 3\n80: 4\n", "f.yml") == {
        "on": "bench1",
        "yes": 1,
        "null": 2,
        "1.5": 3,
        80: 4,
    }


def test_merge_keys_and_anchors() -> None:
    document = load_text(
        "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nc:\n  <<: [*b, *o]\n  x: 5\n", "f.yml"
    )
    assert document["c"] == {"x": 5, "y": 2, "z": 4}
    assert origin_of(document["c"], "y") == Origin("f.yml", 1, 20)
    assert origin_of(document["c"], "x") == Origin("f.yml", 5, 6)
    assert "takes a mapping" in fault("a: {<<: 1}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1\n", "f.yml:2:1: lines are indented with spaces"),
        ("a: {{ x }}\n", "f.yml:1:4: a value that begins with {{ must be quoted"),
        ("a: {{ x }}/foo\n", "f.yml:1:4: a value that begins with {{ must be quoted"),
        ("- {{ x }}\n", "f.yml:1:3: a value that begins with {{ must be quoted"),
        ("a: b: c\n", "f.yml:1:4: a text that holds a colon"),
        ("a:1\nb: 2\n", "f.yml:1:2: a space is missing after the colon"),
        ("a: 1\nb\nc: 2\n", "f.yml:2:1: this line has no"),
        ("a: 'abc\nb: 2\n", "f.yml:1:4: a quotation mark is opened here and never closed"),
        ('a: "C:\\qoo"\n', "use single quotes"),
        ("hosts: *\n", "a text that begins with * must be quoted"),
        ("hosts: *foo\n", "a text that begins with * must be quoted"),
        ("a: @x\n", "f.yml:1:4: a text that begins with @ must be quoted"),
        ("a: [1, 2\nb: 3\n", "list ] is not closed"),
        ("a:\n  b: 1\n c: 2\n", "f.yml:3:2: the indentation does not fit"),
        ("a: 1\n---\nb: 2\n", "one file holds one document"),
        ("a: 1\na: 2\n", 'f.yml:2:1: "a" is written twice; the first one is at f.yml:1:1'),
        ("a: !evn X\n", 'did you mean "!env"?'),
        ("a: !vault |\n  x\n", "leave the tag out and write `| unvault(password)`"),
        ("a: !command pass\n", "!command is written !command [program, argument]"),
        ("a: !command [1.5]\n", "!command takes a list of texts"),
        ("a: !unsafe '{{ x }}'\n", "write `{% raw %}…{% endraw %}` around"),
        ("a: !!binary aa\n", "the tag !!binary is not known"),
        ("? [a]\n: 1\n", "a key must be a plain text"),
        ("!env X: 1\n", "a key cannot be a secret"),
        ("? \n: 1\n", "a key is missing"),
        ("a: \0", "f.yml:1:4: the file holds a NUL"),
        ("a: 1\nb: \x1b[31m", "f.yml:2:4: the file holds the control character U+001B"),
        ("a: " + "9" * 5000, "is not a valid int"),
        ("&a [*a]", "this value holds itself"),
    ],
)
@pytest.mark.parametrize("native", [True, False])
def test_mistakes_are_named_in_plain_words(
    text: str, expected: str, *, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    composer = ours._composer_class(native=native)
    monkeypatch.setattr(ours, "_composer_class", lambda: composer)
    assert expected in fault(text)


def test_all_repeated_keys_and_tags_at_once() -> None:
    with pytest.raises(Complaints) as caught:
        load_text("a: 1\nb: !x 1\na: 2\n", "f.yml")
    assert len(caught.value.errors) == 2
    with pytest.raises(DuplicateKeyError):
        load_text("a: 1\na: 2", "f.yml")


def test_hostile_files_are_refused_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nested more than 100 levels" in fault("[" * 100_000)
    assert "nested more than 100 levels" in fault("- " * 5_000 + "a")
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    assert "aliases (*name) stand for more than" in fault(bomb)
    file = tmp_path / "f.yml"
    file.write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(InputError, match=r"f.yml:2:4: the file is not UTF-8"):
        load_yaml(file)
    file.write_bytes("a: 1".encode("utf-16"))
    with pytest.raises(InputError, match="UTF-16"):
        load_yaml(file)
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert load_yaml(file) == {"a": 1, "b": 2}
    monkeypatch.setattr(ours, "LARGEST", 3)
    with pytest.raises(InputError, match="larger than"):
        load_yaml(file)
    with pytest.raises(InputError, match="No such file"):
        load_yaml(tmp_path / "absent.yml")
    with pytest.raises(InputError, match="directory"):
        load_yaml(tmp_path)
    with pytest.raises(InputError, match="not the name of a file"):
        load_yaml(Path("a\0b"))


def test_an_empty_file_is_nothing() -> None:
    assert load_text("", "f.yml") is None
    assert load_text("# only this\n", "f.yml") is None


def test_secrets_are_looked_up_when_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "word").write_text("from file\n")
    file = tmp_path / "f.yml"
    file.write_text("a: !env HIVECTL_TEST_WORD\nb: !file word\nc: !command [sh, -c, 'echo from command']\n")
    monkeypatch.delenv("HIVECTL_TEST_WORD", raising=False)
    document = load_yaml(file)
    assert all(isinstance(value, Secret) for value in document.values())
    assert MASK in str(document)
    with pytest.raises(
        SecretSourceError, match=r"f.yml:1:4: the environment variable HIVECTL_TEST_WORD is not set"
    ):
        document["a"].reveal()
    monkeypatch.setenv("HIVECTL_TEST_WORD", "from environment")
    assert reveal(document) == {"a": "from environment", "b": "from file", "c": "from command"}


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("!file absent", "cannot read the secret in"),
        ("!command [sh, -c, 'echo hidden; exit 3']", "it ended with code 3"),
        ("!command [/absent/program]", "cannot start /absent/program"),
        ("!command [printf, '\\351']", "is not UTF-8"),
    ],
)
def test_a_secret_that_cannot_be_had_says_why_and_shows_nothing(
    tag: str, message: str, tmp_path: Path
) -> None:
    document = load_text(f"a: {tag}\n", str(tmp_path / "f.yml"))
    with pytest.raises(SecretSourceError) as caught:
        document["a"].reveal()
    assert message in str(caught.value)
    assert "hidden" not in str(caught.value)
    assert "f.yml:1:4" in str(caught.value)


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    secret = from_command(
        ["sh", "-c", f"sleep 60 & echo $! > {mark}; wait"],
        Origin(str(tmp_path / "f.yml"), 1, 1),
        deadline=0.5,
    )
    with pytest.raises(SecretSourceError, match=r"within 0\.5 s"):
        secret.reveal()
    wait_until_gone(int(mark.read_text()))


def test_the_excerpt_points_and_is_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f.yml"
    file.write_text("first: 1\n\tsecond: \x1b[31m!env WORD\n" + "x" * 300 + "\n")
    monkeypatch.setenv("WORD", "hidden")
    shown = excerpt(Origin(str(file), 2, 2))
    assert shown.splitlines() == ["1 | first: 1", "2 |  second: \ufffd[31m!env WORD", "  |  ^"]
    assert all(len(line) < 120 for line in excerpt(Origin(str(file), 3, 250)).splitlines())
    caret = excerpt(Origin(str(file), 3, 250), before=0).splitlines()
    assert caret[0][caret[1].index("^")] == "x"
    assert excerpt(Origin(str(file), 99, 1)) == ""
    assert excerpt(Origin(str(tmp_path / "absent"), 1, 1)) == ""
    os.mkfifo(tmp_path / "pipe")
    assert excerpt(Origin(str(tmp_path / "pipe"), 1, 1)) == ""


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(
        st.characters(
            codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="\ufeff\ufffe\uffff"
        )
    ),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("abcxyz_", min_size=1), inner)),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(document=documents, flow=st.booleans())
def test_what_pyyaml_writes_is_read_back(document: Any, *, flow: bool) -> None:
    text = reference.safe_dump(document, allow_unicode=True, default_flow_style=flow)
    assert load_text(text, "f.yml") == document


@settings(max_examples=300, deadline=None)
@given(st.text("a:-{}[]'\"#&*!|>%@` \n\t,?0", max_size=30))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        load_text(text, "f.yml")
    except HivectlError as error:
        for one in error.errors if isinstance(error, Complaints) else [error]:
            assert one.origin is not None
            assert 1 <= one.origin.line <= text.count("\n") + 2
