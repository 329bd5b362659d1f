"""Nothing that derives from a secret leaves a template as plain text: neither in a value nor in a message."""

from __future__ import annotations

import base64
import hashlib
import traceback
from typing import Any

import pytest

from hivectl.model.errors import InputError
from hivectl.model.secret import Secret, mask, reveal
from hivectl.model.templates import ConditionError, TemplateError, Templates
from hivectl.model.variables import Layer, Scope

TEXT = "hunter2hunter2"
LEAKS = [TEXT, TEXT[::-1], TEXT.upper(), base64.b64encode(TEXT.encode()).decode(), hashlib.sha1(TEXT.encode()).hexdigest()]  # fmt: skip

DERIVED = {
    "{{ password }}": TEXT,
    "user:{{ password }}": f"user:{TEXT}",
    "{{ password }}\n": f"{TEXT}\n",
    "{{ 'a' ~ password }}": f"a{TEXT}",
    "{{ 'a' + password }}": f"a{TEXT}",
    "{{ password + 'a' }}": f"{TEXT}a",
    "{{ password * 2 }}": TEXT * 2,
    "{{ '%s' % password }}": TEXT,
    "{{ '%s-%d' % (password, 3) }}": f"{TEXT}-3",
    "{{ '%(p)s' % {'p': password} }}": TEXT,
    "{{ password % () }}": TEXT,
    "{{ '{}'.format(password) }}": TEXT,
    "{{ '{p}'.format(p=password) }}": TEXT,
    "{{ '{p}'.format_map({'p': password}) }}": TEXT,
    "{{ '{0[p]}'.format({'p': password}) }}": TEXT,
    "{{ '%s' | format(password) }}": TEXT,
    "{{ password | upper }}": TEXT.upper(),
    "{{ password.upper() }}": TEXT.upper(),
    "{{ password[0] }}": "h",
    "{{ password[1:3] }}": "un",
    "{{ password[::-1] }}": TEXT[::-1],
    "{{ password | first }}": "h",
    "{{ password | reverse }}": TEXT[::-1],
    "{{ password | reverse | join }}": TEXT[::-1],
    "{{ password | list | join }}": TEXT,
    "{{ password | string }}": TEXT,
    "{{ password | trim }}": TEXT,
    "{{ [password] | string }}": f"['{TEXT}']",
    "{{ [password] | join(',') }}": TEXT,
    "{{ ['a', 'b'] | join(password) }}": f"a{TEXT}b",
    "{{ password.join(['a', 'b']) }}": f"a{TEXT}b",
    "{{ ','.join([password]) }}": TEXT,
    "{{ 'a'.replace('a', password) }}": TEXT,
    "{{ 'a' | replace('a', password) }}": TEXT,
    "{{ 'a' | regex_replace('a', password) }}": TEXT,
    "{{ password | regex_search('h.*') }}": TEXT,
    "{{ password | regex_findall('h') | first }}": "h",
    "{{ password | hash('sha1') }}": hashlib.sha1(TEXT.encode()).hexdigest(),
    "{{ password | b64encode }}": base64.b64encode(TEXT.encode()).decode(),
    "{{ password | b64encode | b64decode }}": TEXT,
    "{{ password.encode().decode() }}": TEXT,
    "{{ password | to_json }}": f'"{TEXT}"',
    "{{ {'a': password} | to_json }}": f'{{"a": "{TEXT}"}}',
    "{{ {'a': [password]} | to_nice_yaml }}": f"a:\n- {TEXT}\n",
    "{{ password | to_yaml }}": f"{TEXT}\n",
    "{{ password | pprint }}": repr(TEXT),
    "{{ password | quote }}": TEXT,
    "{{ password | default('x') }}": TEXT,
    "{{ missing | default(password) }}": TEXT,
    "{{ true | ternary(password, 1) }}": TEXT,
    "{{ password if true else 1 }}": TEXT,
    "{{ password or 1 }}": TEXT,
    "{{ pin | int }}": "1234",
    "{{ pin | float }}": "1234.0",
    "{{ (pin | int) + (pin | int) }}": "12341234",
    "{{ (document | from_json).a }}": TEXT,
    "{{ (document | from_json)['a'] }}": TEXT,
    "{% set x = password %}{{ x }}!": f"{TEXT}!",
    "{% set x %}a{{ password }}{% endset %}{{ x }}": f"a{TEXT}",
    "{% macro m(p) %}a{{ p }}{% endmacro %}{{ m(password) }}": f"a{TEXT}",
    "{% macro m() %}a{{ caller() }}{% endmacro %}{% call m() %}{{ password }}{% endcall %}": f"a{TEXT}",
    "{% filter upper %}{{ password }}{% endfilter %}": TEXT.upper(),
    "{% for c in password | list %}{{ c }}{% endfor %}": TEXT,
    "{{ [password] | map('upper') | first }}": TEXT.upper(),
    "{{ [password] | map('regex_replace', '^', 'x') | first }}": f"x{TEXT}",
    "{{ {'a': {'b': password}} | combine({'a': {'c': 1}}, recursive=true) | to_json }}": f'{{"a": {{"b": "{TEXT}", "c": 1}}}}',
    "{{ [{'p': password}] | map(attribute='p') | first }}": TEXT,
    "{{ [{'p': password, 'n': 1}] | selectattr('n', 'eq', 1) | map(attribute='p') | join }}": TEXT,
    "{{ users | sort(attribute='name') | map(attribute='password') | join(',') }}": f"{TEXT},x",
    "{{ users[1].password }}": TEXT,
    "{{ password | comment }}": f"# \n# {TEXT}\n# ".replace("# \n", "#\n").removesuffix(" "),
    "{{ {password: 1} | first }}": TEXT,
    "{{ {password: 1} }}": None,
    "{{ {password: 1} | to_json | from_json }}": None,
    "{{ password | urlencode }}": TEXT,
    "{{ password | indent }}": TEXT,
    "{{ password ~ none }}": f"{TEXT}None",
    "{{ url }}": f"http://u:{TEXT}@h",
    "{{ (url | urlsplit).password }}": TEXT,
    "{{ url | urlsplit('password') }}": TEXT,
    "{{ lookup('vars', 'password') }}": TEXT,
    "{{ password | random }}": None,
    "{{ password | shuffle | join }}": None,
    "{{ cycler(password).next() }}": TEXT,
    "{{ dict(a=password).a }}": TEXT,
    "{{ namespace(a=password).a }}": TEXT,
    "{{ {'a': password}.get('a') }}": TEXT,
    "{{ ([password] + ['b'])[0] }}": TEXT,
    "{{ [[password]] | flatten | first }}": TEXT,
    "{{ [password] | zip([1]) | first | first }}": TEXT,
    "{{ [password, password] | unique | length ~ password }}": f"1{TEXT}",
    "{{ [password] | union(['b']) | first }}": TEXT,
    "{{ {'a': password} | dict2items | map(attribute='value') | first }}": TEXT,
    "{{ {'a': password} | dictsort | first | last }}": TEXT,
    "{{ users | groupby('name') | map('last') | map('first') | map(attribute='password') | join(' ') }}": f"{TEXT} x",
    "{{ users | items2dict('name', 'password') | to_json }}": f'{{"bob": "x", "ann": "{TEXT}"}}',
}  # fmt: skip
PLAIN = {
    "{{ password | length }}": len(TEXT),
    "{{ [password] | length }}": 1,
    "{{ password == 'hunter2hunter2' }}": True,
    "{{ password != 'x' }}": True,
    "{{ 'x' == password }}": False,
    "{{ 'hunter' in password }}": True,
    "{{ 'x' in password }}": False,
    "{{ password in ['x', 'hunter2hunter2'] }}": True,
    "{{ password is match('h') }}": True,
    "{{ password is search('z') }}": False,
    "{{ password is defined }}": True,
    "{{ password is string }}": True,
    "{{ password is none }}": False,
    "{{ password is truthy }}": True,
    "{{ password | type_debug }}": "Secret",
    "{{ flag | bool }}": True,
    "{{ users | map(attribute='name') | list }}": ["bob", "ann"],
    "{{ users | sort(attribute='name') | map(attribute='name') | first }}": "ann",
}  # fmt: skip
REFUSED = [
    "{{ password + 1 }}", "{{ password - 1 }}", "{{ password < 'a' }}", "{{ [password, 'a'] | sort }}", "{{ -password }}",
    "{{ password | from_json }}", "{{ password | from_yaml | dict2items }}", "{{ password | to_datetime }}", "{{ password | b64decode }}",
    "{{ password | human_to_bytes }}", "{{ 'a' | regex_search(password ~ '(') }}", "{{ 'x' | hash(password) }}", "{{ 'a' | comment(password) }}",
    "{{ mapping[password] }}", "{{ mapping[password ~ 'x'] }}", "{{ lookup('vars', password) }}", "{{ lookup('file', password) }}",
    "{{ lookup(password) }}", "{{ lookup('pipe', 'exit 3; ' ~ password) }}", "{{ missing | mandatory(password) }}", "{{ undef(password) }}", "{{ password.nope }}",
    "{{ password() }}", "{{ password.index('zz') }}", "{{ password | to_uuid(password) }}", "{{ '1' is version(password, 'x') }}",
    "{{ password is version('1', strict=true) }}", "{{ password is changed }}", "{{ {}[password] }}", "{{ [1][password] }}", "{{ password[99] }}",
    "{{ password['zz'] }}", "{% include password %}", "{% import password as p %}", "{% for a in password %}{% endfor %}", "{{ password | bool }}",
    "{{ 'a'.encode(password) }}", "{{ '{0.x}'.format(password) }}", "{{ '{x}'.format(y=password) }}", "{{ '%(x)s' % {'y': password} }}",
    "{{ '%d' % password }}", "{{ '%d %s' % (password, 1) }}", "{{ range(password) }}", "{{ users | map(attribute=password) | list }}",
    "{{ [1] | random(seed=password) ~ missing }}", "{{ [3] | sum(start=password) }}",
    "{{ password | attr('x') }}", "{{ mapping | attr(password) }}", "{{ ['a'] | map(password) | list }}", "{{ ['a'] | select(password) | list }}",
    "{{ '%s' | strftime(password) }}", "{{ password | strftime('x') }}", "{{ now(fmt=password) + 1 }}", "{{ mapping | combine(password) }}",
    "{{ password | items2dict }}", "{{ password | json_query('a') }}", "{{ password | password_hash(password) }}", "{{ [password] | dict2items }}",
    "{{ password | urlsplit(password) }}", "{{ users | rekey_on_member(password) }}", "{{ users | subelements(password) }}",
]  # fmt: skip


@pytest.fixture
def scope() -> Scope:
    values: dict[str, Any] = {
        "password": Secret(TEXT),
        "pin": Secret("1234"),
        "flag": Secret("yes"),
        "document": Secret(f'{{"a": "{TEXT}", "b": [1234567], "c": null, "d": true}}'),
        "mapping": {"a": 1},
        "users": [{"name": "bob", "password": "x"}, {"name": "ann", "password": Secret(TEXT)}],
        "url": "http://u:{{ password }}@h",
    }
    return Scope(Templates(), [Layer("node", values)])


def leaked(value: Any) -> bool:
    shown = f"{mask(value)!r} {mask(value)} {value!r} {value}"
    return any(leak in shown for leak in LEAKS)


@pytest.mark.parametrize("text", DERIVED)
def test_what_derives_from_a_secret_is_secret(text: str, scope: Scope) -> None:
    value = scope.templates.render(text, scope)
    assert not leaked(value)
    if DERIVED[text] is not None:
        assert isinstance(value, Secret)
        assert reveal(value) == DERIVED[text]


@pytest.mark.parametrize("text", PLAIN)
def test_what_says_next_to_nothing_of_a_secret_is_plain(text: str, scope: Scope) -> None:
    assert scope.templates.render(text, scope) == PLAIN[text]


@pytest.mark.parametrize("text", REFUSED)
def test_no_message_shows_a_secret(text: str, scope: Scope) -> None:
    with pytest.raises(TemplateError) as caught:
        scope.templates.render(text, scope)
    shown = str(caught.value) + "".join(traceback.format_exception(caught.value))
    assert not any(leak in shown for leak in LEAKS), shown


def test_what_is_read_from_a_secret_document_is_secret(scope: Scope) -> None:
    value = scope.templates.render("{{ document | from_json }}", scope)
    assert mask(value) == {mask(key): mask(item) for key, item in value.items()}
    assert reveal(value["a"]) == TEXT
    assert isinstance(value["b"][0], Secret)
    assert (value["c"], value["d"]) == (None, True)


def test_a_text_is_secret_when_a_variable_inside_is(scope: Scope) -> None:
    task = scope.child(
        Layer("task", {"line": "password={{ password }}", "list": ["{{ line }}", "{{ mapping.a }}"]})
    )
    assert isinstance(task["line"], Secret)
    assert isinstance(task["list"][0], Secret)
    assert task["list"][1] == 1


def test_conditions_on_secrets(scope: Scope) -> None:
    templates = scope.templates
    assert templates.evaluate("password == 'hunter2hunter2' and password | length > 3", scope)
    with pytest.raises(ConditionError, match="gives a secret, not true or false"):
        templates.evaluate("password", scope)


def test_a_template_file_with_a_secret_is_secret(scope: Scope) -> None:
    text = scope.templates.render_text("user=a\npassword={{ password }}\n", scope)
    assert isinstance(text, Secret)
    assert text.reveal() == f"user=a\npassword={TEXT}\n"


def test_a_secret_is_not_fetched_before_it_is_used() -> None:
    fetched: list[int] = []

    def source() -> str:
        fetched.append(1)
        return TEXT

    scope = Scope(Templates(), [Layer("node", {"password": Secret(source), "other": "{{ password }}"})])
    values = scope.templates.render({"p": "{{ password }}", "q": "{{ other | default('x') }}"}, scope)
    assert scope.templates.evaluate("password is defined and other is string", scope)
    assert not fetched
    assert values["q"].reveal() == TEXT


def test_a_secret_is_never_a_template() -> None:
    scope = Scope(Templates(), [Layer("node", {"password": Secret("{{ 1 }}"), "text": "{{ password }}"})])
    assert reveal(scope["text"]) == "{{ 1 }}"
    assert reveal(scope.templates.render("a{{ text }}", scope)) == "a{{ 1 }}"


def test_a_source_that_fails_says_so_itself() -> None:
    def source() -> str:
        raise InputError("the variable PW is not set", hint="export it")

    scope = Scope(Templates(), [Layer("node", {"password": Secret(source)})])
    with pytest.raises(InputError, match="PW is not set"):
        scope.templates.render("a{{ password }}", scope)
    with pytest.raises(InputError, match="PW is not set"):
        scope.templates.render("{{ password | upper }}", scope)
