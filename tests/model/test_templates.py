"""What people meet in templates: types, errors with places and hints, conditions, and which names are needed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.model.errors import InputError
from hivectl.model.origin import Origin
from hivectl.model.templates import (
    OMIT,
    ConditionError,
    TemplateError,
    TemplateFileError,
    TemplateOptions,
    Templates,
    TemplateSyntaxError,
    TemplateValueError,
    UndefinedVariableError,
    is_template,
)
from hivectl.model.variables import Layer, Scope
from hivectl.model.yaml import load_text

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = Origin("play.yml", 3, 7)
TEMPLATES = Templates()
VARIABLES: dict[str, Any] = {
    "name": "m1",
    "port": 80,
    "hosts": ["a"],
    "kind": {"label": "x"},
    "none": None,
    "ok": True,
}


def complaint(value: Any, variables: dict[str, Any] | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        TEMPLATES.render(value, VARIABLES if variables is None else variables, origin=ORIGIN)
    return caught.value


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_what_has_no_braces_stays_the_same_object(value: Any) -> None:
    if not is_template(value):
        assert TEMPLATES.render(value, {}) is value


@settings(deadline=None)
@given(st.text(), st.text(), st.integers())
def test_a_text_beside_an_expression_is_joined_to_it(before: str, after: str, number: int) -> None:
    if any("{" in text or "}" in text or "\r" in text for text in (before, after)) or before.startswith("#"):
        return
    rendered = TEMPLATES.render(before + "{{ number }}" + after, {"number": number})
    whole = not before and after in {"", "\n"}
    assert rendered == (number if whole else f"{before}{number}{after}")


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_an_expression_alone_gives_the_value_itself(value: Any) -> None:
    assert TEMPLATES.render("{{ value }}", {"value": value}) is value
    assert TEMPLATES.render(["{{ value }}"], {"value": value}) == [value]


def test_what_a_value_says_is_never_a_template() -> None:
    assert TEMPLATES.render("{{ stdout }}", {"stdout": "{{ 1 + 1 }}"}) == "{{ 1 + 1 }}"
    assert TEMPLATES.render("a{{ stdout }}", {"stdout": "{{ 1 + 1 }}"}) == "a{{ 1 + 1 }}"


def test_mappings_of_yaml_keep_their_places_and_lose_what_is_omitted() -> None:
    source = load_text(
        "dest: '{{ name }}'\nmode: '{{ omit }}'\nlist: [1, '{{ omit }}', '{{ port }}']\n", "play.yml"
    )
    made = TEMPLATES.render(source, VARIABLES)
    assert made == {"dest": "m1", "list": [1, 80]}
    assert made.value_origins["dest"] == Origin("play.yml", 1, 7)
    assert made["list"].item_origins == [Origin("play.yml", 3, 8), Origin("play.yml", 3, 25)]
    assert TEMPLATES.render("{{ omit }}", {}) is OMIT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ prot }}", 'play.yml:3:7: the variable "prot" is not defined (did you mean "port"?)'),
        ("a{{ prot + 1 }}", 'play.yml:3:7: the variable "prot" is not defined (did you mean "port"?)'),
        ("{{ qqqqqq }}", 'play.yml:3:7: the variable "qqqqqq" is not defined'),
        ("{{ kind.lable }}", 'play.yml:3:7: the mapping has no key "lable" (did you mean "label"?)'),
        ("{{ kind['lable'] }}", 'play.yml:3:7: the mapping has no key "lable" (did you mean "label"?)'),
        ("{{ hosts[3] }}", "play.yml:3:7: there is no item 3: the list has 1"),
        ("{{ port.real_name }}", 'play.yml:3:7: a value of type int has no attribute "real_name"'),
        ("{{ none.x }}", 'play.yml:3:7: a value of type null has no attribute "x"'),
        ("{{ [prot] }}", 'play.yml:3:7: the variable "prot" is not defined (did you mean "port"?)'),
        ("{{ prot | upper }}", 'play.yml:3:7: the variable "prot" is not defined (did you mean "port"?)'),
        ("{{ name | uper }}", 'play.yml:3:7: there is no filter "uper" (did you mean "upper"?)'),
        ("{{ name is defind }}", 'play.yml:3:7: there is no test "defind" (did you mean "defined"?)'),
        ("{{ hosts | map('uper') | list }}", 'play.yml:3:7: there is no filter "uper" (did you mean "upper"?)'),
        ("{{ hosts | map(name) | list }}", "play.yml:3:7: the filter map cannot work with this: No filter named 'm1'."),
        ("{{ hosts | select('strng') | list }}", 'play.yml:3:7: there is no test "strng" (did you mean "string"?)'),
        ("{{ hosts | selectattr('a', 'eqalto', 1) }}", 'play.yml:3:7: there is no test "eqalto" (did you mean "equalto"?)'),
        ("{{ [1, 'a'] | sort }}", "play.yml:3:7: the filter sort cannot work with this: '<' not supported between instances of 'str' and 'int'"),
        ("{{ prot() }}", 'play.yml:3:7: the variable "prot" is not defined (did you mean "port"?)'),
        ("{% for a in prot %}{% endfor %}", 'play.yml:3:7: the variable "prot" is not defined (did you mean "port"?)'),
        ("{{ lookup('vars', 'prot') }}", 'play.yml:3:7: the variable "prot" is not defined (did you mean "port"?)'),
        ("{{ prot | mandatory('set prot!') }}", "play.yml:3:7: set prot!"),
        ("{{ undef('set it') }}", "play.yml:3:7: set it"),
        ("{{ port if false }}", "play.yml:3:7: the `if` without `else` gives no value (add `else`)"),
        ("{{ kind.items }}", "play.yml:3:7: a value of type builtin_function_or_method cannot be kept (is a pair of parentheses missing?)"),
        ("{{ name + 1 }}", 'play.yml:3:7: the operator "+" cannot work with this: can only concatenate str (not "int") to str'),
        ("{{ 1 / 0 }}", 'play.yml:3:7: the operator "/" cannot work with this: division by zero'),
        ("{{ 'x' | from_json }}", "play.yml:3:7: the text is no JSON: Expecting value at line 1 column 1"),
        ("{{ 'on it' | bool }}", "play.yml:3:7: a value of type str is no boolean (yes, no, true, false, on, off, 1, 0)"),
        ("{{ 'x' | password_hash('bcrypt') }}", 'play.yml:3:7: the password hash "bcrypt" is not supported (sha512 or sha256)'),
        ("{{ 'x' | json_query('a') }}", 'play.yml:3:7: the filter "json_query" is not supported (use selectattr, map and first)'),
        ("{{ lookup('fiel', 'x') }}", 'play.yml:3:7: there is no lookup "fiel" (did you mean "file"?)'),
        ("{{ lookup('file', 'x', rstrp=true) }}", 'play.yml:3:7: the lookup file: there is no option "rstrp" (did you mean "rstrip"?)'),
        ("{{ query('file', 'x', rstrip='maybe') }}", 'play.yml:3:7: the lookup file: rstrip: expected yes or no, not "maybe"'),
        ("{{ lookup('file', 'x', errors='none') }}", 'play.yml:3:7: the lookup file: there is no errors="none" (strict, warn, ignore)'),
        ("{{ lookup('url', 'http://x') }}", 'play.yml:3:7: the lookup "url" is not supported (make a task of `get_url` or `command: curl …`, and register its result)'),
        ("{{ name }", "play.yml:3:7: unexpected '}' (braces of a mapping need a space between them and }})"),
        ("{{ name = 1 }}", "play.yml:3:7: expected token 'end of print statement', got '=' (write == to compare)"),
        ("{% if name && ok %}{% endif %}", "play.yml:3:7: unexpected char '&' at 11 (write `and` and `or`)"),
        ("{% if name %}", None),
        ("echo ${#list}", "play.yml:3:7: Missing end of comment tag ({# begins a comment; write {{ '{#' }} for the two characters)"),
        ("line\n{{ name }}\n{{ prot }}\n", 'play.yml:3:7: the variable "prot" is not defined (line 3 of the template) (did you mean "port"?)'),
        ("line\n{{ name ! }}", None),
    ],
)  # fmt: skip
def test_complaints_name_place_cause_and_the_right_name(text: str, message: str | None) -> None:
    said = complaint(text)
    assert isinstance(said, TemplateError)
    assert said.origin == ORIGIN
    if message is not None:
        assert str(said) == message


def test_the_innermost_place_is_named() -> None:
    source = load_text("a: {b: ['x', '{{ prot }}']}\n", "play.yml")
    assert complaint(source).origin == Origin("play.yml", 1, 14)


@pytest.mark.parametrize(
    "text",
    [
        "{{ missing | default('d') }}", "{{ missing.a['b'].c | default('d') }}", "{{ kind.x.y | default('d') }}", "{{ hosts[7].x | d('d') }}",
        "{{ 'd' if missing is undefined }}", "{{ missing is defined and missing or 'd' }}", "{{ [missing, 'd'] | select('defined') | first }}",
        "{% if missing is not defined %}d{% endif %}", "{{ lookup('vars', 'missing', default='d') }}", "{{ ([] | first) | default('d') }}",
    ],
)  # fmt: skip
def test_undefined_values_may_be_guarded(text: str) -> None:
    assert TEMPLATES.render(text, VARIABLES) == "d"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (True, True), (False, False), ("port == 80", True), ("port > 80 or ok", True), ("ok", True), ("not ok", False), ("'a' in hosts", True),
        ("hosts is contains('b')", False), ([], True), (["ok", "port == 80"], True), (["ok", "port == 81", "missing"], False),
        ("missing is defined and missing", False), ("name is match('m')", True), ("hosts | length > 0", True), ("'a\\tb' | length == 3", True),
        ([True, ["ok"]], True),
    ],
)  # fmt: skip
def test_conditions_are_true_or_false(condition: Any, *, holds: bool) -> None:
    assert TEMPLATES.evaluate(condition, VARIABLES) is holds


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("hosts", 'the condition "hosts" gives a list, not true or false (write "x | length > 0")'),
        ("kind", 'the condition "kind" gives a mapping, not true or false (write "x | length > 0")'),
        ("name", """the condition "name" gives a text, not true or false (compare it ("x == 'on'"), or turn it into a boolean with "| bool")"""),
        ("port", 'the condition "port" gives a number, not true or false (compare it: "x != 0", or turn it into a boolean with "| bool")'),
        ("none", 'the condition "none" gives a null, not true or false (write "x is not none")'),
        ("{{ ok }}", "a condition is an expression already, and needs no {{ }} (write it without braces: ok)"),
        ("name == '{{ name }}'", "a condition is an expression already, and needs no {{ }} (name the variable itself: \"x == name\", not \"x == '{{ name }}'\")"),
        ("", "the condition is empty (leave the key out)"),
        (None, "a condition is an expression, not a value of type null"),
        (1, "a condition is an expression, not a value of type int"),
        ("prot == 80", 'the variable "prot" is not defined (did you mean "port"?)'),
        ("port = 80", '"=" is not expected after an expression (write == to compare)'),
        ("port ==", None),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_explained(condition: Any, message: str | None) -> None:
    with pytest.raises((ConditionError, TemplateSyntaxError, UndefinedVariableError)) as caught:
        TEMPLATES.evaluate([True, condition], VARIABLES, origin=ORIGIN)
    assert caught.value.origin == ORIGIN
    if message is not None:
        assert str(caught.value) == f"play.yml:3:7: {message}"


@pytest.mark.parametrize(
    ("text", "names", "required"),
    [
        ("plain", "", ""),
        ("{{ a }}{{ b.c[d] }}", "a b d", "a b"),
        ("{{ a | default(b) }}", "a b", ""),
        ("{{ (a | upper) | default(b) }}", "a b", ""),
        ("{{ a is defined and a.b }}", "a", ""),
        ("{{ a if b else c }}", "a b c", "b"),
        ("{{ a and b }}", "a b", "a"),
        ("{{ a ~ b + c }}", "a b c", "a b c"),
        ("{{ a == b }}", "a b", "a b"),
        ("{{ [a, b] }}", "a b", "a b"),
        ("{{ [a, b] | first }}", "a b", ""),
        ("{{ a | map('extract', b) | list }}", "a b", ""),
        ("{{ a | combine(b) }}", "a b", "a b"),
        ("{% if a %}{{ b }}{% else %}{{ c }}{% endif %}{{ d }}", "a b c d", "a d"),
        ("{% for i in a %}{{ i }}{{ b }}{% endfor %}", "a b", "a"),
        ("{% set a = b %}{{ a }}", "b", ""),
        ("{% set a = b.upper() %}{{ a }}", "b", "b"),
        ("{% macro m(x) %}{{ x }}{{ a }}{% endmacro %}{{ m(b) }}", "a b", ""),
        ("{{ range(3) | list }}{{ omit }}{{ now() }}", "", ""),
        ("{{ lookup('vars', 'a') }}", "a", ""),
        ("{{ lookup('vars', a) }}", "a vars", ""),
        ("{{ hostvars['m1'].a }}", "hostvars", "hostvars"),
        ("{{ not a }}", "a", "a"),
        ("{{ a() }}{{ b.c() }}", "a b", "a b"),
    ],
)  # fmt: skip
def test_names_that_a_template_needs(text: str, names: str, required: str) -> None:
    assert TEMPLATES.names(text) == set(names.split())
    assert TEMPLATES.required_names(text) == set(required.split())
    assert TEMPLATES.names({"k": [text]}) == set(names.split())


@pytest.mark.parametrize("text", ["{{ a }}{{ b.c[d] }}", "{{ a | default(b) }}", "{{ a if b else c }}", "{{ a and b }}", "{{ [a, b] | length }}", "{{ a ~ b }}", "{% for i in a %}{{ b }}{% endfor %}", "{{ a | d(b) ~ c }}", "{{ {'x': a} }}", "{{ a | ternary(b, c) }}"])  # fmt: skip
@pytest.mark.parametrize("missing", ["a", "b", "c", "d"])
def test_required_names_are_surely_needed(text: str, missing: str) -> None:
    known = {name: [{"c": {0: 1}}] for name in "abcd" if name != missing} | (
        {"b": {"c": {0: 1}}} if missing != "b" else {}
    )
    if "d" in known:
        known["d"] = 0  # type: ignore[assignment]  # an index
    if missing in TEMPLATES.required_names(text):
        with pytest.raises(UndefinedVariableError):
            TEMPLATES.render(text, known)


def test_names_of_conditions() -> None:
    assert TEMPLATES.condition_names(["a == b", "c is defined", True]) == {"a", "b", "c"}
    assert TEMPLATES.required_condition_names("a == b and c") == {"a", "b"}
    assert TEMPLATES.required_condition_names("a is defined") == set()
    with pytest.raises(ConditionError):
        TEMPLATES.condition_names("{{ a }}")


def test_template_files_are_read_as_ansible_reads_them(tmp_path: Path) -> None:
    (tmp_path / "part.j2").write_text("part of {{ name }}\n")
    (tmp_path / "macros.j2").write_text("{% macro line(k, v) %}{{ k }}={{ v }}{% endmacro %}")
    (tmp_path / "base.j2").write_text("<{% block body %}base{% endblock %}>\n")
    text = (
        "{% include 'part.j2' %}\n"
        "{% import 'macros.j2' as macros %}\n"
        "{{ macros.line('port', port) }}\n"
        "{% for host in hosts %}\n"
        "{% include 'part.j2' %}\n"
        "    {% if true %}\n"
        "{{ host }}\\n{{ '\\t' }}|\n"
        "{% endif %}{% endfor %}\n"
        "{{ hosts }}\n\n"
    )
    path = tmp_path / "a.j2"
    expected = "part of m1port=80\npart of m1    a\\n\t|\n['a']\n\n"
    assert TEMPLATES.render_text(text, VARIABLES, path=path) == expected
    options = {"lstrip_blocks": True, "variable_start_string": "[[", "variable_end_string": "]]"}
    assert (
        TEMPLATES.render_text(
            "  {% if ok %}\n[[ port ]]{{ x }}\n{% endif %}", VARIABLES, path=path, options=options
        )
        == "80{{ x }}\n"
    )
    assert (
        TEMPLATES.render_text(
            "{% extends 'base.j2' %}{% block body %}{{ super() }}+{{ port }}{% endblock %}",
            VARIABLES,
            path=path,
        )
        == "<base+80>"
    )
    assert (
        TEMPLATES.render_text("a\n{{ port }}\n", VARIABLES, options=TemplateOptions(newline_sequence="\r\n"))
        == "a\r\n80\r\n"
    )
    assert TEMPLATES.render_text("{{ port }}", VARIABLES) == "80"
    assert TEMPLATES.render_text("{{ none }}", VARIABLES) == ""
    assert TEMPLATES.render_text("{{ hosts }}", VARIABLES) == "['a']"


def test_faults_in_template_files_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.j2"
    (tmp_path / "part.j2").write_text("one\n{{ prot }}\n")
    (tmp_path / "broken.j2").write_text("one\n\n{% if %}\n")
    for text, place in (
        ("x\n\n{{ prot }}\n", Origin(str(path), 3, 1)),
        ("x\n{% if %}\n", Origin(str(path), 2, 1)),
        ("x\n{% include 'part.j2' %}\n", Origin(str(tmp_path / "part.j2"), 2, 1)),
        ("x\n{% include 'broken.j2' %}\n", Origin(str(tmp_path / "broken.j2"), 3, 1)),
        ("x\n{% for a in hosts %}\n{{ a / 1 }}{% endfor %}", Origin(str(path), 3, 1)),
    ):
        with pytest.raises(TemplateError) as caught:
            TEMPLATES.render_text(text, VARIABLES, path=path)
        assert caught.value.origin == place


def test_files_outside_of_the_folders_cannot_be_included(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "templates").mkdir()
    path = tmp_path / "templates" / "a.j2"
    for name in ("../secret", str(tmp_path / "secret"), "x/../../secret", "nothing"):
        with pytest.raises(TemplateFileError, match="there is no file"):
            TEMPLATES.render_text(f"{{% include '{name}' %}}", VARIABLES, path=path)
    with pytest.raises(TemplateError):
        TEMPLATES.render_text("{% include 'a' %}", VARIABLES)
    (tmp_path / "templates" / "a.j2").write_text("{% include 'a.j2' %}")
    with pytest.raises(TemplateError):
        TEMPLATES.render_text("{% include 'a.j2' %}", VARIABLES, path=path)


def test_lookups_begin_in_the_folder_of_the_playbook(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "key").write_text("ssh-ed25519\n")
    templates = Templates(folder=tmp_path)
    assert templates.render("{{ lookup('file', 'key') }}", {}) == "ssh-ed25519"
    assert templates.render("{{ lookup('pipe', 'pwd') }}", {}) == str(tmp_path)
    assert templates.render("{{ query('fileglob', '*') }}", {}) == [str(tmp_path / "files" / "key")]
    with pytest.raises(TemplateValueError, match="there is no file nope"):
        templates.render("{{ lookup('file', 'nope') }}", {})
    assert templates.render("{{ lookup('file', 'nope', errors='ignore') | default('d', true) }}", {}) == "d"
    with pytest.raises(TemplateValueError, match="the command ended with 3"):
        templates.render("{{ lookup('pipe', 'exit 3') }}", {})


def test_texts_without_templates_need_no_jinja() -> None:
    program = (
        "import sys\n"
        "from hivectl.model.templates import Templates\n"
        "from hivectl.model.variables import Layer, Scope\n"
        "scope = Scope(Templates(), [Layer('a', {'x': [1, 'b']})])\n"
        "assert scope.templates.render(scope['x'], scope) == [1, 'b']\n"
        "assert scope.templates.names({'a': 'b'}) == set()\n"
        "sys.exit('jinja2' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_mappings_of_yaml_files_are_written_as_yaml() -> None:
    loaded = load_text("a: {b: {c: [1, {d: x}]}}\n", "vars.yml")
    scope = Scope(Templates(), [Layer("file", loaded)])
    nice = scope.templates.render("{{ a | combine({'e': 1}) | to_nice_yaml(indent=2) }}", scope)
    assert nice == "b:\n  c:\n  - 1\n  - d: x\ne: 1\n"
    assert scope.templates.render("{{ [a.b] | to_yaml }}", scope) == "- c:\n  - 1\n  - {d: x}\n"
