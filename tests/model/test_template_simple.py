"""The short way for bare names says what the engine says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.model.errors import HivectlError
from hivectl.model.secret import Secret
from hivectl.model.templates import Templates
from hivectl.model.templating import simple
from hivectl.model.variables import Layer, Scope

literals = st.text(alphabet="ab {}%#\n/é\"'", max_size=6)
names = st.sampled_from(
    ["a", "b", "absent", "deep", "secret", "nothing", "listed", "loop_1", "range", "true", "omit"]
)
texts = st.builds(
    lambda head, rest: (
        head + "".join("{{" + space + name + space + "}}" + tail for space, name, tail in rest)
    ),
    literals,
    st.lists(st.tuples(st.sampled_from(["", " ", "  "]), names, literals), max_size=3),
)
VALUES: dict[str, Any] = {
    "a": "x",
    "b": 3,
    "deep": "{{ a }}-{{ b }}",
    "secret": Secret("hidden"),
    "nothing": None,
    "listed": [1, "{{ a }}"],
    "loop_1": "{{ loop_2 }}",
    "loop_2": "{{ loop_1 }}",
}


def scope() -> Scope:
    return Scope(Templates(), [Layer("play", VALUES)])


def by_engine(templates: Templates, text: str) -> Any:
    """Render past the short way."""
    engine = templates._default_engine()
    if not templates.is_template(text):
        return text
    compiled = engine.text(text, None)
    variables = scope()
    return templates._run(lambda: engine.render(compiled, variables), variables, None)


def outcome(work: Any) -> tuple[str, Any]:
    try:
        value = work()
    except HivectlError as error:
        return type(error).__name__, error.message
    return "secret" if isinstance(value, Secret) else "value", value.reveal() if isinstance(
        value, Secret
    ) else value


@settings(max_examples=400, deadline=None)
@given(texts)
def test_the_short_way_says_what_the_engine_says(text: str) -> None:
    templates = Templates()
    assert outcome(lambda: templates.render(text, scope())) == outcome(lambda: by_engine(templates, text))


@settings(max_examples=400, deadline=None)
@given(texts)
def test_the_same_names(text: str) -> None:
    found = simple.names_of(text)
    if found is not None:
        assert found == Templates()._default_engine().text(text, None).names


def test_a_plain_mapping_serves_too() -> None:
    assert Templates().render("{{ a }}/{{ b }}", {"a": "x", "b": 1}) == "x/1"


def test_a_long_chain_of_variables_ends_with_a_message() -> None:
    values = {f"v{number}": f"{{{{ v{number + 1} }}}}!" for number in range(5000)} | {"v5000": "end"}
    with pytest.raises(HivectlError):
        Templates().render("{{ v0 }}", Scope(Templates(), [Layer("play", values)]))
