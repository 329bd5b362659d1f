"""Layers of variables: which wins, when they are rendered, and what a child scope sees."""

from __future__ import annotations

from collections import ChainMap
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.model.origin import Origin
from hivectl.model.templates import Templates, UndefinedVariableError, VariableLoopError
from hivectl.model.variables import Layer, Scope, Source
from hivectl.model.yaml import load_text

TEMPLATES = Templates()
NAMES = st.sampled_from("abcdef")
VALUES = st.integers() | st.text("xyz") | st.lists(st.integers(), max_size=2)
LAYERS = st.lists(st.dictionaries(NAMES, VALUES), max_size=6)


def scope_of(*layers: dict[str, Any]) -> Scope:
    return Scope(TEMPLATES, [Layer(f"layer {number}", values) for number, values in enumerate(layers)])


@given(LAYERS)
def test_the_last_layer_wins(layers: list[dict[str, Any]]) -> None:
    model = ChainMap(*reversed(layers))
    scope = scope_of(*layers)
    assert dict(scope) == dict(model)
    assert len(scope) == len(model)
    for name in "abcdef":
        assert (name in scope) == (name in model)
        assert scope.get(name, "nothing") == model.get(name, "nothing")
        sources = scope.explain(name)
        assert [source.value for source in sources] == [
            values[name] for values in reversed(layers) if name in values
        ]


@given(LAYERS, LAYERS, st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES))
def test_a_child_sees_its_parent_and_not_the_other_way_round(
    layers: list[dict[str, Any]], own: list[dict[str, Any]], below: dict[str, Any], above: dict[str, Any]
) -> None:
    scope = scope_of(*layers)
    child = scope.child(*(Layer(f"own {number}", values) for number, values in enumerate(own)))
    model = ChainMap(*reversed(layers))
    assert dict(child) == dict(ChainMap(*reversed(own), *reversed(layers)))
    assert dict(scope) == dict(model)
    scope.put("put", below)
    child.put("put", above)
    assert dict(scope) == dict(ChainMap(below, *reversed(layers)))
    # the child's layer stands right above its parent's of the same name
    assert dict(child) == dict(ChainMap(*reversed(own), above, below, *reversed(layers)))


@given(st.permutations(["facts", "play", "task", "set_fact", "extra"]), st.data())
def test_put_and_child_keep_the_order_of_the_layers(order: list[str], data: st.DataObject) -> None:
    scope = Scope(TEMPLATES, [Layer(name, {}) for name in order])
    values: dict[str, str] = {}
    child = scope.child(Layer("task", {"x": "task"}))
    values["task"] = "task"
    for name in data.draw(st.lists(st.sampled_from(["facts", "set_fact", "extra", "play"]))):
        data.draw(st.sampled_from([scope, child])).put(name, {"x": name})
        values[name] = name
        assert child["x"] == [values[known] for known in order if known in values][-1]


@given(st.lists(st.tuples(NAMES, st.sampled_from("abcdef")), max_size=8), st.integers())
def test_chains_of_variables_end_in_a_value_or_in_a_named_loop(
    links: list[tuple[str, str]], number: int
) -> None:
    values: dict[str, Any] = dict.fromkeys("abcdef", number)
    values |= {name: f"{{{{ {target} }}}}" for name, target in links}
    scope = scope_of(values)
    for name in "abcdef":
        seen = [name]
        while isinstance(values[seen[-1]], str) and values[seen[-1]][3] not in seen:
            seen.append(values[seen[-1]][3])
        if isinstance(values[seen[-1]], str):
            with pytest.raises(VariableLoopError):
                scope[name]
        else:
            assert scope[name] == number


def test_a_loop_is_named_with_its_place() -> None:
    values = load_text("a: '{{ b }}'\nb: ['x', '{{ c }}']\nc: '{{ a }}'\nd: '{{ d }}'\n", "vars.yml")
    scope = Scope(TEMPLATES, [Layer("play", values)])
    with pytest.raises(VariableLoopError) as caught:
        scope["a"]
    assert caught.value.message == "the variables need one another: a -> b -> c -> a"
    assert caught.value.origin is not None
    with pytest.raises(VariableLoopError, match="d -> d"):
        TEMPLATES.render("{{ d | default('x') }}", scope)


def test_values_of_a_mapping_may_use_one_another() -> None:
    paths = {
        "root": "/srv",
        "logs": "{{ paths.root }}/{{ name }}",
        "old": {"logs": "{{ paths['logs'] }}/{{ paths.old.name }}", "name": "o"},
    }
    scope = scope_of({"paths": paths, "name": "m1"})
    assert scope["paths"] == {"root": "/srv", "logs": "/srv/m1", "old": {"logs": "/srv/m1/o", "name": "o"}}
    assert TEMPLATES.render("{{ paths.logs }}", scope) == "/srv/m1"
    broken = scope_of(
        {"a": {"x": "{{ a.y }}", "y": "{{ a.x }}"}, "b": {"x": "{{ b }}"}, "c": {"x": "{{ c.nope }}"}}
    )
    for name in ("a", "b"):
        with pytest.raises(VariableLoopError):
            broken[name]
    with pytest.raises(UndefinedVariableError, match='no key "nope"'):
        broken["c"]


def test_values_are_rendered_when_they_are_looked_up_with_the_variables_of_who_looks() -> None:
    scope = scope_of({"greeting": "hello {{ who }}", "broken": "{{ nothing }}", "who": "world"})
    assert scope["greeting"] == "hello world"
    assert (
        scope.child(Layer("task", {"who": "{{ item }}"}), Layer("loop", {"item": "m1"}))["greeting"]
        == "hello m1"
    )
    assert scope["greeting"] == "hello world"
    scope.put("layer 0", {"who": "lab"})
    assert scope["greeting"] == "hello lab"


def test_values_are_rendered_once_until_something_changes(tmp_path: Any) -> None:
    counter = tmp_path / "count"
    text = f"{{{{ lookup('pipe', 'echo x >> {counter}; wc -l < {counter}') | int }}}}"
    scope = scope_of({"count": text, "twice": "{{ count }}{{ count }}"})
    assert (scope["count"], scope["count"], scope["twice"]) == (1, 1, "11")
    scope.put("facts", {"y": 1})
    assert scope["count"] == 2


def test_what_a_node_says_is_never_a_template() -> None:
    scope = scope_of({"shown": "{{ stdout }}"})
    scope.put("registered", {"stdout": "{{ lookup('pipe', 'id') }}"})
    assert scope["stdout"] == "{{ lookup('pipe', 'id') }}"
    assert scope["shown"] == "{{ lookup('pipe', 'id') }}"
    task = scope.child(Layer("facts", {"name": "{{ 1 }}"}, data=True))
    assert TEMPLATES.render("a{{ name }}", task) == "a{{ 1 }}"
    scope.put("set_fact", {"made": "{{ 1 }}"}, data=False)
    assert scope["made"] == 1


def test_undefined_values_inside_of_variables() -> None:
    scope = scope_of(
        {"a": "{{ missing }}", "m": {"good": 1, "bad": "{{ missing }}"}, "l": ["{{ missing }}", 2]}
    )
    assert (
        TEMPLATES.render("{{ a | default('d') }}{{ m.good }}{{ m.bad | default('e') }}{{ l[1] }}", scope)
        == "d1e2"
    )
    assert TEMPLATES.evaluate("a is not defined and m.bad is undefined and m is defined", scope)
    for name in ("a", "m", "l"):
        with pytest.raises(UndefinedVariableError, match='the variable "missing" is not defined'):
            scope[name]
        with pytest.raises(UndefinedVariableError):
            TEMPLATES.render(f"{{{{ {name} }}}}", scope)


def test_an_undefined_variable_is_told_at_the_place_that_uses_it() -> None:
    values = load_text("outer: '{{ inner }}'\ninner: '{{ naem }}'\nname: x\n", "vars.yml")
    scope = Scope(TEMPLATES, [Layer("play", values)])
    with pytest.raises(UndefinedVariableError) as caught:
        TEMPLATES.render("{{ outer }}", scope, origin=Origin("play.yml", 9, 9))
    assert str(caught.value) == 'vars.yml:2:8: the variable "naem" is not defined (did you mean "name"?)'


def test_explain_names_layer_place_and_what_was_written() -> None:
    low = load_text("x: 1\n", "lab.yml")
    high = load_text("y: 2\nx: '{{ y }}'\n", "play.yml")
    scope = Scope(TEMPLATES, [Layer("inventory", low), Layer("play", high)]).child(Layer("task", {"x": 3}))
    assert scope.explain("x") == (
        Source("task", None, 3),
        Source("play", Origin("play.yml", 2, 4), "{{ y }}"),
        Source("inventory", Origin("lab.yml", 1, 4), 1),
    )
    assert scope.explain("z") == ()


def test_scopes_of_other_nodes_are_used_as_mappings() -> None:
    other = scope_of({"address": "{{ name }}.lab", "name": "m2", "holed": "{{ missing }}"})
    scope = scope_of({"hostvars": {"m2": other}, "name": "m1"})
    assert TEMPLATES.render("{{ hostvars.m2.address }} {{ hostvars['m2']['name'] }}", scope) == "m2.lab m2"
    assert TEMPLATES.render("{{ hostvars.m2.holed | default('d') }}", scope) == "d"
    assert TEMPLATES.render("{{ hostvars.m2.get('name') }}{{ 'name' in hostvars.m2 }}", scope) == "m2True"
    with pytest.raises(UndefinedVariableError, match='"missing"'):
        TEMPLATES.render("{{ hostvars.m2.holed }}", scope)
