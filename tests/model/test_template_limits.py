"""Attacks on the controller by templates: every one ends soon, with one clear error."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hivectl.model.origin import Origin
from hivectl.model.permissions import NOTHING
from hivectl.model.secret import Secret
from hivectl.model.templates import TemplateError, TemplateLimitError, Templates, UnsafeTemplateError
from hivectl.model.yaml import YamlMapping

ORIGIN = Origin("play.yml", 3, 7)

ENDLESS = {
    "nested loops": "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
    "filtered loops": "{% for a in range(90000) if false %}{% endfor %}" * 12,
    "loop in a macro": "{% macro m(n) %}{% for a in range(9999) %}{{ m(n) }}{% endfor %}{% endmacro %}{{ m(1) }}",
    "deep recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "wide recursion": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}"
    ),
    "call blocks": (
        "{% macro m(n) %}{% if n %}{% call m(n - 1) %}{% endcall %}{% call m(n - 1) %}{% endcall %}{% endif %}"
        "{% endmacro %}{{ m(40) }}"
    ),
    "recursive loop": "{% for a in [1, 1] recursive %}{{ loop([1, 1]) }}{% endfor %}",
    "range": "{{ range(10 ** 9) | list }}",
    "product": "{{ range(1000) | product(range(1000), range(1000)) | list }}",
    "product of itself": "{{ [1, 2] | product(repeat=10 ** 9) }}",
    "permutations": "{{ range(12) | permutations | length }}",
    "combinations": "{{ range(60) | combinations(30) | length }}",
    "flatten": "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | flatten }}",
    "doubled list": "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "nested lists": "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "nested mappings": "{% set ns = namespace(x=1) %}{% for i in range(99) %}{% set ns.x = {'a': ns.x, 'b': ns.x} %}{% endfor %}",
    "nested dict()": "{% set ns = namespace(x=1) %}{% for i in range(99) %}{% set ns.x = dict(a=ns.x, b=ns.x) %}{% endfor %}",
    "compared": (
        "{% set ns = namespace(x=1, y=1) %}{% for i in range(99) %}{% set ns.x = (ns.x, ns.x) %}"
        "{% set ns.y = (ns.y, ns.y) %}{% endfor %}{{ ns.x == ns.y }}"
    ),
    "appended": (
        "{% set ns = namespace(x=[], y=[]) %}{% for i in range(99) %}{% set ns.y = [] %}{% do ns.y.append(ns.x) %}"
        "{% do ns.y.append(ns.x) %}{% set ns.x = ns.y %}{% endfor %}{{ ns.x }}"
    ),
    "list in itself": "{% set l = [] %}{% do l.append(l) %}{{ l }}",
    "subset": "{{ range(900000) | map('string') | map('list') | list is subset(range(900000) | map('string') | map('list') | list) }}",
    "yaml of much": "{{ range(900000) | list | to_nice_yaml }}",
    "pprint of much": "{{ range(900000) | list | pprint }}",
    "yaml aliases": "{% set ns = namespace(t='a0: &a0 [x, x]\n') %}{% for i in range(40) %}{% set ns.t = ns.t ~ 'a%d: &a%d [*a%d, *a%d]\n' % (i + 1, i + 1, i, i) %}{% endfor %}{{ ns.t | from_yaml }}",
    "yaml depth": "{{ ('[' * 100000) | from_yaml }}",
    "yaml mappings": "{{ ('{a: ' * 100000) | from_yaml }}",
    "yaml indentation": "{{ ('- ' * 100000) | from_yaml_all }}",
    "json depth": "{{ ('[' * 100000) | from_json }}",
    "yaml merges": "{% set ns = namespace(t='a0: &a0 {x: 1, y: 2}\n') %}{% for i in range(40) %}{% set ns.t = ns.t ~ 'a%d: &a%d {<<: [*a%d, *a%d]}\n' % (i + 1, i + 1, i, i) %}{% endfor %}{{ ns.t | from_yaml }}",
    "doubled text": "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "doubled block": (
        "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}"
        "{% set ns.x = y %}{% endfor %}"
    ),
    "added text": "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "many appends": "{% set l = [] %}{% for i in range(9) %}{% do l.extend(range(900000)) %}{% endfor %}",
}
LARGE = {
    "text times": "{{ 'a' * 10 ** 10 }}",
    "times text": "{{ 10 ** 10 * 'a' }}",
    "list times": "{{ [0] * 10 ** 9 }}",
    "tower": "{{ 10 ** (10 ** 10) }}",
    "negative base": "{{ (-10) ** (10 ** 9) }}",
    "product of numbers": "{% set ns = namespace(x=10 ** 3000) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "percent": "{{ '%09999999999d' % 1 }}",
    "percent star": "{{ '%*d' % (10 ** 9, 1) }}",
    "percent precision": "{{ '%.9999999999f' % 1.5 }}",
    "percent with key": "{{ '%(a)999999999s' % {'a': 1} }}",
    "format filter": "{{ '%999999999s' | format(1) }}",
    "format": "{{ '{:>9999999999}'.format(1) }}",
    "format nested": "{{ '{:>{w}}'.format(1, w=10 ** 9) }}",
    "format_map": "{{ '{a:>9999999999}'.format_map({'a': 1}) }}",
    "many formats": "{{ ('{0:>9999}' * 9000).format(1) }}",
    "center": "{{ 'a' | center(10 ** 9) }}",
    "center method": "{{ 'a'.center(10 ** 9) }}",
    "ljust": "{{ 'a'.ljust(10 ** 9) }}",
    "bytes": "{{ 'a'.encode().rjust(10 ** 10) }}",
    "zfill": "{{ 'a'.zfill(10 ** 9) }}",
    "zfill in a map": "{{ ['a'] | map('center', 10 ** 9) | list }}",
    "tabs": "{{ '\t\t'.expandtabs(10 ** 9) }}",
    "replace": "{{ ('a' * 100000).replace('a', 'b' * 100000) }}",
    "replace filter": "{{ ('a' * 100000) | replace('', 'b' * 100000) }}",
    "join": "{{ range(100000) | join('a' * 100000) }}",
    "join method": "{{ ('a' * 100000).join(['a'] * 100000) }}",
    "translate": "{{ ('a' * 100000).translate({97: 'b' * 100000}) }}",
    "regex_replace": "{{ ('a' * 100000) | regex_replace('', 'b' * 100000) }}",
    "indent": "{{ 'a' | indent(10 ** 9, true) }}",
    "indent json": "{{ [1] | to_nice_json(indent=10 ** 9) }}",
    "indent yaml": "{{ {'a': {'b': 1}} | to_nice_yaml(indent=10 ** 9) }}",
    "batch": "{{ [1] | batch(10 ** 9, 0) | list }}",
    "slice": "{{ [1] | slice(10 ** 9) | list }}",
    "comment": "{{ 'a' | comment(prefix_count=10 ** 9) }}",
    "wordwrap": "{{ ('a ' * 100000) | wordwrap(1, wrapstring='b' * 100000) }}",
    "round": "{{ 1.5 | round(10 ** 9, 'floor') }}",
    "number text": "{{ " + "9" * 5000 + " }}",
    "power filter": "{{ 10 | pow(10 ** 9) }}",
    "to_bytes": "{{ (5).to_bytes(10 ** 10) }}",
}
PRIVATE = [
    "{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ ''.__mro__ }}", "{{ [].__class__.__base__ }}", "{{ x | attr('__class__') }}",
    "{{ '{0.__class__}'.format(1) }}", "{{ '{0.__class__.__init__.__globals__}'.format(x) }}", "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ ['a'] | map('attr', '__class__') | list }}", "{{ ['a'] | map(attribute='__class__') | list }}", "{{ lookup.__globals__ }}",
    "{{ lookup.__wrapped__ }}", "{{ range.__self__ }}", "{{ cycler.__init__.__globals__ }}", "{{ joiner.__class__ }}", "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}", "{{ (1).__class__ }}", "{{ namespace.__init__ }}", "{{ dict.__base__ }}", "{{ mapping.__class__ }}",
    "{% for a in [1] %}{{ loop._iterable }}{% endfor %}", "{% macro m() %}{% endmacro %}{{ m._func }}", "{{ missing.__class__ }}",
    "{{ x.__init__ | default('a') }}", "{{ password.reveal() }}", "{{ password._text }}", "{{ written.origin }}", "{{ written.value_origins }}",
    "{{ now.__call__ }}", "{{ now().__class__ }}", "{{ ('a' | to_json).__class__ }}", "{{ mapping.items.__self__ }}", "{{ 'a'.upper.func }}",
    "{{ 'a'.upper.args }}", "{{ lookup('vars', '__builtins__') }}", "{{ environment }}", "{{ context }}", "{{ [].append.func }}",
    "{{ mapping.update({'a': 1}) }}", "{{ mapping.clear() }}", "{{ mapping.pop('a') }}", "{{ numbers.append(1) }}", "{{ numbers.sort() }}",
    "{% include '/etc/passwd' %}", "{% import 'os' as os %}{{ os }}", "{{ numbers | sort(attribute='__class__') }}",
]  # fmt: skip


@pytest.fixture
def variables() -> dict[str, object]:
    return {
        "x": 5,
        "mapping": {"a": 1},
        "numbers": [1],
        "password": Secret("hunter2"),
        "written": YamlMapping({"a": 1}, origin=ORIGIN),
    }


@pytest.mark.parametrize("text", [*ENDLESS.values(), *LARGE.values()], ids=[*ENDLESS, *LARGE])
def test_what_would_not_end_or_fill_memory_is_refused(
    text: str, variables: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # the same mechanism, a fifth of the time
    monkeypatch.setattr("hivectl.model.templating.limits.STEPS", 200_000)
    monkeypatch.setattr("hivectl.model.templating.limits.ITEMS", 200_000)
    began = time.process_time()
    with pytest.raises(TemplateError) as caught:
        Templates().render(text, variables, origin=ORIGIN)
    assert caught.value.origin == ORIGIN
    assert time.process_time() - began < 5


def test_refusing_with_the_real_limits_is_quick_and_takes_little_memory() -> None:
    texts = [*LARGE.values(), ENDLESS["nested loops"], ENDLESS["nested lists"], ENDLESS["doubled list"]]
    program = (
        "import json, sys, time\n"
        "from hivectl.model.templates import TemplateError, Templates\n"
        "for text in json.load(sys.stdin):\n"
        "    try:\n"
        "        Templates().render(text, {'x': 5})\n"
        "    except TemplateError:\n"
        "        continue\n"
        "    sys.exit(text)\n"
        # not ru_maxrss: that also counts what the process was before exec, a large pytest
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM:'))\n"
        "print(json.dumps([time.process_time(), int(peak.split()[1]) // 1024]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(texts), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seconds, mebibytes = json.loads(done.stdout)
    assert seconds < 20
    assert mebibytes < 300


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_private_is_out_of_reach(text: str, variables: dict[str, object]) -> None:
    before = (dict(variables["mapping"]), list(variables["numbers"]))  # type: ignore[call-overload]  # as made above
    with pytest.raises(TemplateError) as caught:
        Templates().render(text, variables, origin=ORIGIN)
    assert "hunter2" not in str(caught.value)
    assert (variables["mapping"], variables["numbers"]) == before


def test_limits_are_shared_by_all_variables_of_one_rendering() -> None:
    from hivectl.model.variables import Layer, Scope

    layers = {f"v{n}": f"{{{{ v{n + 1} }}}}{{{{ v{n + 1} ~ '' }}}}" for n in range(30)} | {"v30": "aa"}
    scope = Scope(Templates(), [Layer("play", layers)])
    with pytest.raises(TemplateLimitError, match="more than 10,000,000 characters"):
        scope["v0"]


def test_the_clock_ends_what_counts_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hivectl.model.templating.limits.SECONDS", 0.2)
    text = "{% for i in range(5000) %}{% set _ = ('a' * 3000000) | hash('sha512') %}{% endfor %}"
    began = time.monotonic()
    with pytest.raises(TemplateLimitError, match=r"longer than 0\.2 s"):
        Templates().render(text, {})
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "expression", ["(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){25}$", "a?" * 40 + "a" * 40 + "$"]
)
def test_expressions_that_backtrack_without_end_are_ended(
    expression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hivectl.model.filters.regex.PATTERN_SECONDS", 0.1)
    templates = Templates()
    before = signal.getsignal(signal.SIGALRM)
    for text in (
        f"{{{{ ('a' * 39 ~ 'b') | regex_search('{expression}') }}}}",
        f"{{{{ ('a' * 39 ~ 'b') | regex_findall('{expression}') }}}}",
        f"{{{{ ('a' * 39 ~ 'b') | regex_replace('{expression}', 'x') }}}}",
        f"{{{{ ('a' * 39 ~ 'b') is search('{expression}') }}}}",
    ):
        with pytest.raises(TemplateLimitError, match=r"longer than 0\.1 s"):
            templates.render(text, {})
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_expressions_in_other_threads_see_short_texts() -> None:
    templates = Templates()
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(templates.render, "{{ ('a' * 39 ~ 'b') | regex_search('(a+)+$') }}", {})
        assert isinstance(ended.exception(), TemplateLimitError)
        assert pool.submit(templates.render, "{{ 'aab' | regex_search('(a+)+') }}", {}).result() == "aa"


def test_a_long_text_is_no_work_for_an_expression() -> None:
    with pytest.raises(TemplateLimitError, match="1,000,000 characters"):
        Templates().render("{{ ('a' * 2000000) is search('b') }}", {})


def test_useful_objects_stay_usable(variables: dict[str, object]) -> None:
    templates = Templates()
    cycle = "{% set c = cycler('a', 'b') %}{% for i in range(3) %}{{ c.next() }}{% endfor %}"
    assert templates.render(cycle, variables) == "aba"
    joined = "{% set j = joiner(',') %}{% for i in range(3) %}{{ j() }}{{ i }}{% endfor %}"
    assert templates.render(joined, variables) == "0,1,2"
    total = (
        "{% set ns = namespace(t=0) %}{% for i in range(4) %}{% set ns.t = ns.t + i %}{% endfor %}{{ ns.t }}"
    )
    assert templates.render(total, variables) == 6
    loop = "{% for i in 'ab' %}{{ loop.index }}{{ loop.cycle('x', 'y') }}{{ loop.last }} {% endfor %}"
    assert templates.render(loop, variables) == "1xFalse 2yTrue "
    assert templates.render("{{ '{0[a]} {1!r:>4}'.format(mapping, 'b') }}", variables) == "1  'b'"


def test_a_playbook_from_afar_reads_nothing_of_this_machine() -> None:
    templates = Templates(allowed=NOTHING)
    for text in ("env', 'HOME", "file', '/etc/passwd", "pipe', 'id", "fileglob', '/*", "lines', 'id"):
        with pytest.raises(UnsafeTemplateError, match="refused"):
            templates.render(f"{{{{ lookup('{text}') }}}}", {})
    for text in (
        "'$HOME' | expandvars",
        "'~' | expanduser",
        "'/*' | fileglob",
        "'/etc' is exists",
        "'/' is mount",
    ):
        with pytest.raises(UnsafeTemplateError, match="refused"):
            templates.render(f"{{{{ {text} }}}}", {})
    assert templates.render("{{ lookup('vars', 'x') }}", {"x": 1}) == 1
