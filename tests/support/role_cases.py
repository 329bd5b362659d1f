"""Plays with roles, and what one node logs: the same for ansible-core and for us."""

from __future__ import annotations

from typing import Any

from tests.support.tasks_that_log import block, fail, log, play

Case = tuple[dict[str, Any], dict[str, Any], str]


def role(name: str, *tasks: Any, **files: Any) -> dict[str, Any]:
    """The files of a role: `tasks/main.yml`, and others by names such as `defaults` or `tasks__other`."""
    tree: dict[str, Any] = {f"roles/{name}/tasks/main.yml": list(tasks)} if tasks else {}
    for path, content in files.items():
        folder, _, file = path.partition("__")
        tree[f"roles/{name}/{folder}/{file or 'main'}.yml"] = content
    return tree


def meta(*dependencies: Any, **more: Any) -> dict[str, Any]:
    return {"dependencies": list(dependencies), **more}


def named(name: str, text: str) -> dict[str, Any]:
    """A handler that logs something other than its name."""
    return {**log(text), "name": name}


FLUSH = {"meta": "flush_handlers"}

# name -> (files, the play, what n1 logs)
CASES: dict[str, Case] = {
    "order of sections": (
        role("r", log("r", notify="H"), handlers=[log("H")]),
        play(
            log("t", notify="P"),
            roles=["r"],
            pre_tasks=[log("a", notify="P")],
            post_tasks=[log("z", notify="H")],
            handlers=[log("P")],
        ),
        "a P r t H P z H",
    ),
    "order of dependencies": (
        {
            **role("a", log("a"), meta=meta("b", {"role": "c"})),
            **role("b", log("b"), meta=meta("d")),
            **role("c", log("c"), meta=meta("d")),
            **role("d", log("d")),
        },
        play(roles=["a"]),
        "d b c a",
    ),
    "a role is done once": (
        {**role("a", log("a {{ v | default('-') }}")), **role("b", log("b"), meta=meta("a"))},
        play(roles=["a", "b", "a", {"role": "a", "v": 1}, {"role": "a", "vars": {"v": 2}}]),
        "a - b a 1 a 2",
    ),
    "a role that may be done again": (
        role("a", log("a"), meta=meta(allow_duplicates=True)),
        play(roles=["a", "a"]),
        "a a",
    ),
    "a role whose condition did not hold is done later": (
        {
            **role("c", log("c")),
            **role("a", log("a"), meta=meta("c")),
            **role("b", log("b"), meta=meta("c")),
        },
        play(roles=[{"role": "a", "when": "go is defined"}, "b"]),
        "c b",
    ),
    "a role whose condition held is not done again": (
        {
            **role("c", log("c")),
            **role("a", log("a"), meta=meta("c")),
            **role("b", log("b"), meta=meta("c")),
        },
        play(roles=[{"role": "a", "when": "go is not defined"}, "b"]),
        "c a b",
    ),
    "a role is done where the one before was not": (
        {
            **role("c", log("c")),
            **role("a", log("a"), meta=meta("c")),
            **role("b", log("b"), meta=meta("c")),
        },
        play(
            block(log("t"), rescue=[{"import_role": {"name": "a"}}]),
            {"include_role": {"name": "a"}, "when": False},
            {"import_role": {"name": "b"}},
            {"include_role": {"name": "a"}},
        ),
        "t c b a",
    ),
    "imports and includes are done each time": (
        role("a", log("a")),
        play(
            {"import_role": {"name": "a"}},
            {"import_role": {"name": "a"}},
            {"include_role": {"name": "a"}},
            {"include_role": {"name": "a"}},
            roles=["a"],
        ),
        "a a a a a",
    ),
    "imports and includes are done once if that is wanted": (
        role("a", log("a")),
        play(
            {"include_role": {"name": "a", "allow_duplicates": False}},
            log("t"),
            {"include_role": {"name": "a", "allow_duplicates": False}},
            {"import_role": {"name": "a"}},
            {"import_role": {"name": "a", "allow_duplicates": False}},
            {"include_role": {"name": "a"}},
            roles=["a"],
        ),
        "a a t a a",
    ),
    "files other than main": (
        role(
            "a",
            log("no"),
            tasks__one=[log("one {{ v }} {{ d }}", notify="H")],
            vars__one={"v": 1},
            defaults__one={"d": 1},
            handlers__one=[log("H")],
            handlers=[log("no")],
        ),
        play(
            {
                "import_role": {
                    "name": "a",
                    "tasks_from": "one",
                    "vars_from": "one.yml",
                    "defaults_from": "one",
                    "handlers_from": "one",
                }
            },
            FLUSH,
            {
                "include_role": {
                    "name": "a",
                    "tasks_from": "{{ 'one' }}",
                    "vars_from": "one",
                    "defaults_from": "one.yml",
                }
            },
        ),
        "one 1 1 H one 1 1 H",
    ),
    "keywords of a role": (
        role("a", log("a"), {"name": "no", "meta": "noop"}, log("b", when="more")),
        play(roles=[{"role": "a", "when": "go", "vars": {"more": False}}], vars={"go": True}),
        "a",
    ),
    "defaults are below the play's variables, variables above": (
        role("a", log("{{ d }} {{ v }}"), defaults={"d": "role", "v": "role"}, vars={"v": "rolevars"}),
        play(roles=["a"], vars={"d": "play", "v": "play"}),
        "play rolevars",
    ),
    "a block's and a task's variables are above a role's": (
        role(
            "a",
            block(log("{{ v }} {{ w }}", vars={"w": "task"}), vars={"v": "block", "w": "block"}),
            vars={"v": "role", "w": "role"},
        ),
        play(roles=["a"]),
        "block task",
    ),
    "set_fact is above a role's variables and below its parameters": (
        role("a", {"set_fact": {"v": "fact", "p": "fact"}}, log("{{ v }} {{ p }}"), vars={"v": "role"}),
        play(log("{{ v }} {{ p }}"), roles=[{"role": "a", "p": "parameter"}]),
        "fact parameter fact fact",
    ),
    "vars of a role are below set_fact": (
        role("a", {"set_fact": {"v": "fact"}}, log("{{ v }}")),
        play(roles=[{"role": "a", "vars": {"v": "vars"}}]),
        "fact",
    ),
    "vars of a role are above its variables": (
        role("a", log("{{ v }}"), vars={"v": "file"}),
        play(roles=[{"role": "a", "vars": {"v": "vars"}}]),
        "vars",
    ),
    "all tasks of the play see a role's variables": (
        role("a", log("a"), defaults={"d": 1}, vars={"v": 2}),
        play(log("{{ d }}{{ v }}"), roles=["a"], pre_tasks=[log("{{ d }}{{ v }}")]),
        "12 a 12",
    ),
    "later roles win over earlier ones, a role over all": (
        {
            **role("a", log("{{ d }}{{ v }}"), defaults={"d": 1}, vars={"v": 1}),
            **role("b", log("{{ d }}{{ v }}"), defaults={"d": 2}, vars={"v": 2}),
        },
        play(log("{{ d }}{{ v }}"), roles=["a", "b"]),
        "11 22 22",
    ),
    "an imported role's variables are seen by all": (
        role("a", log("a"), defaults={"d": 1}, vars={"v": 2}),
        play(log("{{ d }}{{ v }}"), {"import_role": {"name": "a"}}),
        "12 a",
    ),
    "an included role's are its own": (
        role("a", log("{{ d }}{{ v }}"), defaults={"d": 1}, vars={"v": 2}),
        play(
            {"include_role": {"name": "a"}},
            log("{{ d | default('-') }}{{ v | default('-') }}"),
            {"include_role": {"name": "a", "public": True}},
            log("{{ d }}{{ v }}"),
        ),
        "12 -- 12 12",
    ),
    "variables of an include are above set_fact, those of an import below": (
        role("a", log("{{ v }}"), vars={"v": "role"}),
        play(
            {"set_fact": {"v": "fact"}},
            {"include_role": {"name": "a"}, "vars": {"v": "include"}},
            {"import_role": {"name": "a"}, "vars": {"v": "import"}},
        ),
        "include fact",
    ),
    "variables of an import are above the role's": (
        role("a", log("{{ v }}"), vars={"v": "role"}),
        play({"import_role": {"name": "a"}, "vars": {"v": "import"}}),
        "import",
    ),
    "dependencies see their parents' variables": (
        {
            **role("a", log("a {{ v }} {{ w }}"), vars={"v": "a"}, meta=meta({"role": "b", "p": "given"})),
            **role("b", log("b {{ v }} {{ p }}"), vars={"w": "b"}, defaults={"v": "b"}),
        },
        play(roles=["a"]),
        "b a given a a b",
    ),
    "parameters are handed down to dependencies": (
        {**role("a", log("a {{ p }}"), meta=meta("b")), **role("b", log("b {{ p }}"))},
        play(roles=[{"role": "a", "p": 1}]),
        "b 1 a 1",
    ),
    "names of roles": (
        {
            **role("a", log("{{ role_name }} {{ role_path | basename }}"), meta=meta("b")),
            **role("b", log("{{ ansible_role_name }}")),
        },
        play(
            log("{{ ansible_play_role_names | join(',') }} {{ ansible_dependent_role_names | join(',') }}"),
            roles=["a"],
        ),
        "b a a a b",
    ),
    "names of the roles that include": (
        {
            **role("a", {"include_role": {"name": "b"}}, {"include_role": {"name": "{{ 'b' }}"}}),
            **role("b", log("{{ role_name }} {{ ansible_parent_role_names | first }}")),
        },
        play(roles=["a"]),
        "b a b a",
    ),
    "a role that another depends on has no parents": (
        {
            **role("a", {"include_role": {"name": "b"}}, meta=meta("c")),
            **role("b", log("{{ role_name }}-{{ ansible_parent_role_names | join }}"), meta=meta("d")),
            **role("c", log("{{ role_name }}-{{ ansible_parent_role_names | default('none') | join }}")),
            **role("d", log("{{ role_name }}-{{ ansible_parent_role_names | default('none') | join }}")),
        },
        play(roles=["a"]),
        "c-none d-a b-a",
    ),
    "a role's files come first": (
        {
            **role(
                "a",
                {"include_tasks": "more.yml"},
                {"import_tasks": "sub/other.yml"},
                tasks__more=[log("more")],
            ),
            "roles/a/tasks/sub/other.yml": [log("other"), {"include_tasks": "third.yml"}],
            "roles/a/tasks/sub/third.yml": [log("third")],
            "more.yml": [log("no")],
        },
        play(roles=["a"]),
        "more other third",
    ),
    "an include in a role names a file by a variable": (
        role("a", {"include_tasks": "{{ which }}.yml"}, tasks__x=[log("x")], vars={"which": "x"}),
        play(roles=["a"]),
        "x",
    ),
    "handlers of roles by both names": (
        {
            **role(
                "a",
                log("a", notify="H"),
                handlers=[named("H", "Ha")],
            ),
            **role("b", log("b"), handlers=[named("H", "Hb")]),
        },
        play(log("t", notify="a : H"), roles=["a", "b"]),
        "a b t Ha Hb",
    ),
    "the play's handler wins over a role's": (
        role(
            "a",
            log("a", notify="H"),
            handlers=[named("H", "Ha")],
        ),
        play(roles=["a"], handlers=[named("H", "Hp")]),
        "a Hp",
    ),
    "handlers that listen in several roles": (
        {
            **role("a", log("a", notify="all"), handlers=[log("A", listen="all")]),
            **role("b", log("b"), handlers=[log("B", listen=["all", "more"])]),
        },
        play(roles=["a", "b"], handlers=[log("P", listen="all")]),
        "a b A B P",
    ),
    "handlers of an included role": (
        role("a", log("a", notify="H"), handlers=[named("H", "H {{ v }}")], vars={"v": 1}),
        play({"include_role": {"name": "a"}}, {"include_role": {"name": "{{ 'a' }}"}}, log("t")),
        "a a t H 1",
    ),
    "a role included twice runs its handler once, as its last use": (
        role("a", log("a {{ v }}", notify="H"), handlers=[named("H", "H {{ v }}")]),
        play(
            {"include_role": {"name": "a"}, "vars": {"v": 1}},
            {"include_role": {"name": "a"}, "vars": {"v": 2}},
            log("z"),
        ),
        "a 1 a 2 z H 2",
    ),
    "a role included in a loop runs its handler once, as its last use": (
        role("a", log("a {{ item }}", notify="H"), handlers=[named("H", "H {{ item }} {{ v }}")]),
        play({"include_role": {"name": "a"}, "vars": {"v": "{{ item }}{{ item }}"}, "loop": [1, 2, 3]}),
        "a 1 a 2 a 3 H 3 33",
    ),
    "a last use that notifies nothing gives its handler all the same": (
        role("a", log("a", notify="H"), tasks__quiet=[log("q")], handlers=[named("H", "H {{ v }}")]),
        play(
            {"include_role": {"name": "a"}, "vars": {"v": 1}},
            {"include_role": {"name": "a", "tasks_from": "quiet"}, "vars": {"v": 2}},
        ),
        "a q H 2",
    ),
    "what is included later wins over the play's handler that was notified": (
        {**role("a", log("a", notify="H"), handlers=[named("H", "Ha")])},
        play(log("t", notify="H"), {"include_role": {"name": "a"}}, handlers=[named("H", "Hp")]),
        "t a Ha",
    ),
    "flushed between the uses of a role": (
        role("a", log("a", notify="H"), handlers=[named("H", "H {{ v }}")]),
        play(
            {"include_role": {"name": "a"}, "vars": {"v": 1}},
            FLUSH,
            {"include_role": {"name": "a"}, "vars": {"v": 2}},
        ),
        "a H 1 a H 2",
    ),
    "handlers that listen in each use of a role": (
        role(
            "a",
            log("a"),
            handlers=[
                named("H", "H {{ v }}") | {"listen": "all"},
                named("T {{ v }}", "T {{ v }}") | {"listen": "all"},
            ],
        ),
        play(
            {"include_role": {"name": "a"}, "vars": {"v": "{{ item }}"}, "loop": [1, 2]},
            log("z", notify="all"),
            roles=[{"role": "a", "vars": {"v": 0}}],
        ),
        "a a a z T 0 T 1 H 2 T 2",
    ),
    "handlers with templates in their names": (
        role(
            "a",
            log("a {{ s }}", notify="restart {{ s }}"),
            handlers=[named("restart {{ s }}", "r {{ s }}"), named("never {{ s }}", "n")],
        ),
        play(
            log("t", notify=["stop web", "a : restart y"]),
            roles=[{"role": "a", "vars": {"s": "x"}}, {"role": "a", "vars": {"s": "y"}}],
            vars={"all": "web"},
            handlers=[named("stop {{ all }}", "s")],
        ),
        "a x a y t r x r y s",
    ),
    "handlers see the variables of their include": (
        role("a", log("a", notify="H"), handlers=[named("H", "H {{ v }}")]),
        play({"include_role": {"name": "a"}, "vars": {"v": 5}}, log("t")),
        "a t H 5",
    ),
    "a role in a loop": (
        role("a", log("a{{ item }}{{ p }}")),
        play({"include_role": {"name": "a"}, "loop": [1, 2], "vars": {"p": "{{ item }}"}}),
        "a11 a22",
    ),
    "roles named by a loop": (
        {**role("a", log("a")), **role("b", log("b"))},
        play({"include_role": {"name": "{{ item }}"}, "loop": ["a", "b"]}),
        "a b",
    ),
    "a role that fails is rescued": (
        role("a", log("a"), fail(), log("no")),
        play(block({"include_role": {"name": "a"}}, rescue=[log("r")], always=[log("w")]), log("z")),
        "a r w z",
    ),
    "a block in a role": (
        role("a", block(fail(), rescue=[log("r")], always=[log("w")])),
        play(roles=["a"]),
        "r w",
    ),
    "apply hands down to a role": (
        role("a", log("a"), log("b", when="v == 2")),
        play({"include_role": {"name": "a", "apply": {"when": "v == 1"}}, "vars": {"v": 1}}),
        "a",
    ),
    "end_role ends the role alone": (
        role("a", log("a"), {"meta": "end_role"}, log("no")),
        play(log("t"), {"include_role": {"name": "a"}}, log("z"), roles=["a"]),
        "a t a z",
    ),
    "variables in folders": (
        {
            **role("a", log("{{ x }}{{ y }}{{ d }}")),
            "roles/a/vars/main/one.yml": {"x": 1, "y": 1},
            "roles/a/vars/main/two.yml": {"y": 2},
            "roles/a/defaults/main.yaml": {"d": 3},
        },
        play(roles=["a"]),
        "123",
    ),
    "defaults that use one another": (
        role("a", log("{{ c }}"), defaults={"a": 1, "b": "{{ a }}2", "c": "{{ b }}3"}),
        play(roles=["a"], vars={"a": 9}),
        "923",
    ),
    "a role beside the playbook": (
        {"plain/tasks/main.yml": [log("plain")]},
        play(roles=["plain"]),
        "plain",
    ),
    "a role in a folder of roles": (
        {"roles/net/dns/tasks/main.yml": [log("dns {{ role_name }}")]},
        play(roles=["net/dns"]),
        "dns net/dns",
    ),
    "a condition that a role's own task changes": (
        role("a", log("a"), {"set_fact": {"go": False}}, log("no")),
        play({"import_role": {"name": "a"}, "when": "go | default(true)"}, log("z")),
        "a z",
    ),
    "tags": (
        {**role("a", log("a"), log("b", tags="b")), **role("d", log("d"))},
        play({"import_role": {"name": "d"}, "tags": "never"}, roles=[{"role": "a", "tags": "t"}]),
        "a b",
    ),
    "an import in a file that the run names": (
        {
            **role(
                "a",
                log("a {{ d }}", notify="H"),
                defaults={"d": 1},
                handlers=[log("H")],
                meta=meta("b"),
            ),
            **role("b", log("b")),
            "i.yml": [{"import_role": {"name": "a"}}],
        },
        play({"include_tasks": "{{ 'i' }}.yml"}, log("z {{ d }}")),
        "b a 1 z 1 H",
    ),
    "include_tasks in an included role in an include": (
        {
            **role(
                "a", {"include_tasks": "x.yml"}, log("a {{ v }} {{ w }}"), tasks__x=[log("x {{ v }} {{ w }}")]
            ),
            "i.yml": [{"include_role": {"name": "a"}, "vars": {"w": 2}}],
        },
        play({"include_tasks": "i.yml", "vars": {"v": 1}}),
        "x 1 2 a 1 2",
    ),
}
