"""Each filter and test gives what the real ansible-core gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hivectl.model.secret import reveal
from hivectl.model.templates import Templates
from hivectl.model.variables import Layer, Scope
from tests.support.ansible_templates import rendered_by_ansible
from tests.support.template_table import EXPRESSIONS as MORE
from tests.support.template_table import FILES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

VARIABLES: dict[str, Any] = {
    "x": 5,
    "name": "pi",
    "text": "two\nlines\n",
    "numbers": [3, 1, 2, 3],
    "words": ["b", "A", "a", "C"],
    "nested": [1, [2, [3, [4]]], None],
    "low": {"a": 1, "list": [1, 2], "inner": {"k": 1, "l": 2}},
    "high": {"b": 2, "list": [2, 3], "inner": {"l": 3, "m": 4}},
    "users": [
        {"name": "ann", "uid": 3, "keys": ["k1", "k2"], "group": "a"},
        {"name": "bob", "uid": 1, "keys": [], "group": "b"},
        {"name": "cy", "uid": 2, "keys": ["k3"], "group": "a"},
    ],
    "result": {"changed": True, "failed": False, "rc": 0, "stdout": "a b", "stdout_lines": ["a b"]},
    "gone": {"skipped": True, "changed": False},
    "lazy": "{{ x + 1 }}",
    "holed": "{{ missing }}",
    "mapping": {"value": "{{ x }}", "open": "{{ missing }}"},
    "umlaut": "grün",
    "empty": "",
    "nothing": None,
    "yes_text": "yes",
}

EXPRESSIONS = [
    # types and concatenation
    "{{ x }}", " {{ x }}", "{{ x }}\n", "a{{ x }}\n", "{{ x }}\n\n", "{{ 1 }}{{ 2 }}", "{{ name }}{{ numbers }}",
    "{% if true %}{{ x }}{% endif %}", "{% if false %}a{% endif %}", "{% for n in numbers %}{{ n }}{% endfor %}",
    "{% for n in [1] %}{{ n }}{% endfor %}", "a{{ none }}b", "{{ none }}", "{{ none }}{{ none }}", "{{ x }}{{ none }}",
    "a{{ true }}", "{{ (1, 2) }}", "{{ 'x' ~ x ~ none ~ numbers }}", "{% set a = [1] %}{{ a }}", "{# c #}{{ x }}",
    "{% set a = [] %}{% set _ = a.append(1) %}{{ a }}", "{% macro m() %}{{ x }}{% endmacro %}{{ m() }}",
    "{% macro m() %}5{% endmacro %}{{ m() }}", "{% set q %}{{ x }}{% endset %}{{ q }}", "a{{ x if false }}",
    "{{ 'a\\tb' | length }}", "{{ '{{ x }}' }}", "{{ '[1, 2]' }}", "{{ '5' }}", "{{ 10 / 4 }}", "{{ 7 // 2 }}",
    "{{ 2 ** 10 }}", "{{ '%s-%03d' % ('a', 7) }}", "{{ '{}-{:>3}'.format('a', 7) }}", "{{ '%s' | format(3) }}",
    "{{ name.upper() }}", "{{ 'a,b'.split(',') }}", "{{ low['list'] }}", "{{ low.inner.k }}",
    "{{ numbers[0] }}", "{{ numbers[-1] }}", "{{ numbers[1:3] }}", "{{ name[::-1] }}", "{{ low.keys() | list }}",
    "{{ low.items() | list }}", "{{ low.get('q', 'z') }}", "{% if x %}\nyes\n{% endif %}\nend\n", "{{ lazy }}", "{{ mapping.value }}",
    "{{ holed | default('z') }}", "{{ holed is defined }}", "{{ missing.a.b | default('c') }}", "{{ mapping.open | default('o') }}",
    "{{ [missing, 1] | last }}", "{{ [1, missing] | select('defined') | list }}", "{{ [omit, 1] }}", ["{{ omit }}", 1],
    {"a": "{{ omit }}", "b": "{{ x }}"}, {"{{ x }}": "{{ x }}"},
    # default and truth
    "{{ missing | default }}", "{{ missing | d(3) }}", "{{ empty | default('e') }}", "{{ empty | default('e', true) }}",
    "{{ x | mandatory }}", "{{ 'yes' | bool }}", "{{ 'no' | bool }}", "{{ 1 | bool }}", "{{ 'on' | bool }}", "{{ none | bool }}", "{{ 'True' | bool }}", "{{ '' | bool }}", "{{ '0' | bool }}", "{{ 1.0 | bool }}",
    "{{ (x > 3) | ternary('a', 'b') }}", "{{ none | ternary('a', 'b', 'c') }}", "{{ false | ternary('a', 'b') }}",
    # numbers
    "{{ '7' | int }}", "{{ '7.9' | int }}", "{{ 'z' | int }}", "{{ 'z' | int(4) }}", "{{ 'ff' | int(0, 16) }}", "{{ '1.5' | float }}",
    "{{ x | string }}", "{{ 8 | log(2) }}", "{{ 100 | log(10) }}", "{{ 2 | pow(3) }}", "{{ 9 | root }}", "{{ 27 | root(3) | round }}",
    "{{ -4 | abs }}", "{{ 2.567 | round(1) }}", "{{ 2.1 | round(0, 'ceil') }}", "{{ 1048576 | human_readable }}", "{{ 10 | human_readable }}",
    "{{ 1500000 | human_readable(isbits=true) }}", "{{ 1048576 | human_readable(unit='K') }}", "{{ '10.5 MB' | human_to_bytes }}",
    "{{ '2K' | human_to_bytes }}", "{{ '512' | human_to_bytes }}", "{{ '1' | human_to_bytes('M') }}", "{{ '5Mb' | human_to_bytes(isbits=true) }}",
    "{{ 123456 | filesizeformat }}",
    # written forms
    "{{ low | to_json }}", "{{ low | to_nice_json }}", "{{ low | to_nice_json(indent=2) }}", "{{ umlaut | to_json }}", "{{ nothing | to_json }}",
    "{{ low | to_json(sort_keys=true) }}", "{{ low | to_yaml }}", "{{ low | to_nice_yaml }}", "{{ low | to_nice_yaml(indent=2) }}",
    "{{ users | to_nice_yaml(indent=2, sort_keys=false) }}", "{{ umlaut | to_yaml }}", "{{ '{\"a\": [1, 2.5, null]}' | from_json }}",
    "{{ 'a: [1, b]' | from_yaml }}", "{{ '--- 1\n--- 2\n' | from_yaml_all | list }}", "{{ name | b64encode }}", "{{ 'cGk=' | b64decode }}",
    "{{ umlaut | b64encode }}", "{{ name | hash }}", "{{ name | hash('sha256') }}", "{{ name | checksum }}", "{{ name | md5 }}", "{{ name | sha1 }}",
    "{{ name | to_uuid }}", "{{ low | tojson }}", "{{ ['<a&b>'] | tojson }}",
    # paths
    "{{ '/a/b.c' | basename }}", "{{ '/a/b.c' | dirname }}", "{{ '/a/../b' | realpath }}", "{{ '/a/b' | relpath('/a/c') }}",
    "{{ '/a/b.tar.gz' | splitext }}", "{{ ['/a', 'b', 'c'] | path_join }}", "{{ '/a/../b' | normpath }}", "{{ ['/a/b', '/a/c'] | commonpath }}",
    "{{ '/nonexistent/*' | fileglob }}",
    # regular expressions
    "{{ 'ansible' | regex_replace('^a.*i(.*)$', 'a\\1') }}", "{{ 'a1b2' | regex_replace('[0-9]') }}", "{{ 'aXa' | regex_replace('x', '-', ignorecase=true) }}",
    "{{ 'a1b2' | regex_replace('[0-9]', '', count=1) }}", "{{ 'f b' | regex_replace('(?P<n>f)', '\\g<n>o') }}", "{{ 'ab12' | regex_search('[0-9]+') }}",
    "{{ 'ab12' | regex_search('([a-z]+)([0-9]+)', '\\1', '\\2') }}", "{{ 'ab12' | regex_search('(?P<n>[0-9]+)', '\\g<n>') }}", "{{ 'ab' | regex_search('z') }}",
    "{{ 'a1b22' | regex_findall('[0-9]+') }}", "{{ 'a1b22' | regex_findall('([a-z])([0-9]+)') }}", "{{ 'A\nb' | regex_findall('^[ab]$', multiline=true, ignorecase=true) }}",
    "{{ '^f.*o$' | regex_escape }}", "{{ '^f.*o$' | regex_escape('posix_basic') }}",
    # texts
    "{{ 'a b; c' | quote }}", "{{ none | quote }}", "{{ text | comment }}", "{{ text | comment('c') }}", "{{ text | comment('cblock') }}", "{{ text | comment('xml') }}",
    "{{ 'a' | comment('plain', prefix='##', postfix='##', decoration='# ') }}", "{{ 'a\n\nb' | comment }}", "{{ 'a b  c' | split }}", "{{ 'a,b' | split(',') }}",
    "{{ numbers | join('-') }}", "{{ numbers | join }}", "{{ users | map(attribute='name') | join(',') }}", "{{ text | indent(2) }}", "{{ text | indent(2, true) }}", "{{ text | indent(2, first=true, blank=true) }}",
    "{{ 'a very long text' | wordwrap(6) }}", "{{ 'pi' | center(6) }}", "{{ 'aaa' | replace('a', 'b', 2) }}", "{{ 'a b' | urlencode }}", "{{ {'a': 'x y', 'b': 1} | urlencode }}",
    "{{ 'http://u:p@h.example:8080/p?q=1#f' | urlsplit }}", "{{ 'http://h.example:8080/p' | urlsplit('port') }}", "{{ 'ab cd' | title }}", "{{ 'ab' | upper | lower | capitalize }}",
    "{{ ' a ' | trim }}", "{{ 'abcdefgh' | truncate(5, true, '..') }}", "{{ 'a b c' | wordcount }}", "{{ '<a>' | e }}", "{{ x | type_debug }}", "{{ name | type_debug }}",
    "{{ low | type_debug }}", "{{ numbers | type_debug }}", "{{ 'abc' | list }}", "{{ 'abc' | reverse }}", "{{ 'abc' | first }}", "{{ 'abc' | length }}",
    # mappings
    "{{ low | combine(high) }}", "{{ low | combine(high, recursive=true) }}", "{{ low | combine(high, recursive=true, list_merge='append') }}",
    "{{ low | combine(high, list_merge='prepend') }}", "{{ low | combine(high, list_merge='append_rp') }}", "{{ low | combine(high, list_merge='prepend_rp') }}",
    "{{ low | combine(high, list_merge='keep') }}", "{{ [low, high] | combine }}", "{{ low | combine(high, {'z': 1}) }}", "{{ high | dict2items }}",
    "{{ high.inner | dict2items(key_name='n', value_name='v') }}", "{{ [{'key': 'a', 'value': 1}] | items2dict }}", "{{ [{'n': 'a', 'v': 1}] | items2dict('n', 'v') }}",
    "{{ users | rekey_on_member('name') }}", "{{ high.inner | dictsort }}", "{{ high.inner | items | list }}", "{{ dict(a=1) }}", "{{ dict([['a', 1]]) }}",
    # lists
    "{{ numbers | unique }}", "{{ words | unique }}", "{{ numbers | union([9, 1]) | sort }}", "{{ numbers | intersect([2, 3, 7]) | sort }}", "{{ numbers | difference([3]) }}",
    "{{ numbers | symmetric_difference([3, 9]) | sort }}", "{{ users | union(users) | length }}", "{{ users | difference([users[0]]) | length }}", "{{ words | unique(case_sensitive=true) }}", "{{ users | unique(attribute='group') | map(attribute='name') | list }}", "{{ numbers | min }}", "{{ numbers | max }}", "{{ words | min }}", "{{ users | max(attribute='uid') }}", "{{ numbers | sum }}",
    "{{ users | sum(attribute='uid') }}", "{{ [[1], [2]] | sum(start=[]) }}", "{{ nested | flatten }}", "{{ nested | flatten(levels=1) }}", "{{ nested | flatten(skip_nulls=false) }}",
    "{{ users | subelements('keys') }}", "{{ users | subelements('keys') | map('last') | list }}", "{{ [1, 2] | zip(['a', 'b', 'c']) | list }}", "{{ [1, 2] | zip_longest(['a', 'b', 'c'], fillvalue='-') | list }}",
    "{{ [1, 2] | product(['a']) | list }}", "{{ [1, 2, 3] | permutations(2) | list }}", "{{ [1, 2, 3] | combinations(2) | list }}", "{{ numbers | sort }}", "{{ words | sort }}",
    "{{ words | sort(case_sensitive=true) }}", "{{ numbers | sort(reverse=true) }}", "{{ users | sort(attribute='uid') | map(attribute='name') | list }}", "{{ numbers | batch(3, 0) | list }}", "{{ numbers | slice(3) | list }}",
    "{{ numbers | random(seed='a') in numbers }}", "{{ numbers | shuffle(seed='a') | sort }}", "{{ 100 | random(seed='m') }}", "{{ numbers | shuffle(seed='m') }}", "{{ ['a', 'b', 'c'] | random(seed='m') }}",
    "{{ users | map(attribute='name') | map('upper') | list }}", "{{ users | selectattr('uid', '>', 1) | map(attribute='name') | list }}", "{{ users | rejectattr('group', 'equalto', 'a') | map(attribute='name') | list }}",
    "{{ users | selectattr('keys') | map(attribute='name') | list }}", "{{ numbers | select('>', 1) | list }}", "{{ numbers | reject('odd') | list }}", "{{ ['a1', 'b'] | select('match', 'a') | list }}",
    "{{ users | groupby('group') | map('first') | list }}", "{{ ['a', 'b'] | map('regex_replace', '^', 'x-') | list }}", "{{ [0, 2] | map('extract', ['x', 'y', 'z']) | list }}", "{{ ['a'] | map('extract', {'a': {'b': 1}}, 'b') | list }}",
    "{{ users | map(attribute='nick', default='-') | list }}", "{{ numbers | first }}", "{{ numbers | last }}", "{{ numbers | length }}", "{{ numbers | count }}", "{{ [1, 2] + [3] }}", "{{ [[1, 2], [3]] | map('length') | list }}",
    # time
    "{{ ('2020-01-02 00:00:10' | to_datetime - '2020-01-01 00:00:00' | to_datetime).total_seconds() }}", "{{ '2020-01-02' | to_datetime('%Y-%m-%d') }}", "{{ '%Y-%m-%d' | strftime(86400, utc=true) }}",
    "a {{ '2020-01-02 03:04:05' | to_datetime }}", "{{ now().year > 2000 }}",
    # tests
    "{{ missing is defined }}", "{{ missing is undefined }}", "{{ 'abc' is match('a') }}", "{{ 'abc' is match('b') }}", "{{ 'abc' is search('b') }}", "{{ 'abc' is regex('^b') }}",
    "{{ 'ABC' is match('a', ignorecase=true) }}", "{{ '1.10' is version('1.9', '>') }}", "{{ '1.2.3' is version('1.2.3-rc1', '>', version_type='semver') }}", "{{ '1.2' is version('1.2.0', 'eq', strict=true) }}",
    "{{ '12.04' is version('12.4', '>=') }}", "{{ '1.2b1' is version('1.2', '<', strict=true) }}", "{{ '1.0.0-alpha.1' is version('1.0.0-alpha.beta', '<', version_type='semver') }}", "{{ '2.0a' is version('2.0', 'gt') }}",
    "{{ [1] is subset(numbers) }}", "{{ numbers is superset([9]) }}", "{{ numbers is contains(3) }}", "{{ 3 in numbers }}", "{{ 3 is in(numbers) }}", "{{ 'a' not in words }}", "{{ [true, false] is any }}", "{{ [true, false] is all }}",
    "{{ 'no' is truthy }}", "{{ 'no' is truthy(convert_bool=true) }}", "{{ '' is falsy }}", "{{ result is succeeded }}", "{{ result is success }}", "{{ result is failed }}", "{{ result is changed }}", "{{ gone is skipped }}",
    "{{ result is skip }}", "{{ '/' is directory }}", "{{ '/etc/passwd' is file }}", "{{ '/etc/passwd' is link }}", "{{ '/nonexistent' is exists }}", "{{ '/a' is abs }}", "{{ '/' is mount }}", "{{ 'http://a/b' is url }}",
    "{{ 'mailto:a@b' is uri }}", "{{ 'urn:isbn:1' is urn }}", "{{ 'http://a' is url(['https']) }}", "{{ ('nan' | float) is nan }}", "{{ x is number }}", "{{ x is odd }}", "{{ low is mapping }}", "{{ name is string }}",
    "{{ nothing is none }}", "{{ numbers is sequence }}", "{{ true is boolean }}", "{{ 4 is divisibleby(2) }}", "{{ x is eq(5) }}", "{{ result is reachable }}", "{{ result is unreachable }}", "{{ result is not failed }}",
    # lookups
    "{{ lookup('env', 'LC_ALL') }}", "{{ lookup('vars', 'na' ~ 'me') }}", "{{ lookup('vars', 'nope', default='d') }}", "{{ query('vars', 'name', 'x') }}", "{{ lookup('pipe', 'echo hi') }}", "{{ lookup('dict', high.inner) }}",
    "{{ lookup('ansible.builtin.items', [1, 2], 3) }}", "{{ q('list', 1, 2) }}",
]  # fmt: skip


def test_every_expression_gives_what_ansible_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    theirs = rendered_by_ansible({repr(text): text for text in (*EXPRESSIONS, *MORE)}, VARIABLES, tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    scope = Scope(Templates(folder=tmp_path), [Layer("all", VARIABLES)])
    wrong = []
    for text in (*EXPRESSIONS, *MORE):
        ours = json.loads(json.dumps(reveal(scope.templates.render(text, scope))))
        expected = theirs[repr(text)]
        if ours != expected or type(ours) is not type(expected):
            wrong.append(f"{text!r}: ours {ours!r}, ansible's {expected!r}")
    assert not wrong, "\n".join(wrong)
