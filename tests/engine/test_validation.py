"""What is known to be wrong before any node is asked, and what must not be taken for wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hivectl.engine.lab import attributes_of
from hivectl.engine.validation import validate_playbook
from hivectl.model.errors import Complaints
from hivectl.model.inventory import load_inventory
from hivectl.model.playbook_loader import load_playbook
from hivectl.modules.registry import known_module, module_names

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = """\
version: 1
vars: {site: basel}
nodes:
  m[1:2]: {driver: local, vars: {pump: x}}
hives:
  hive1: {nodes: [m1], vars: {objective: 20x}}
"""


def validate(folder: Path, *tasks: dict[str, Any], text: str | None = None, **more: Any) -> None:
    (folder / "lab.yml").write_text(INVENTORY)
    inventory = load_inventory([folder / "lab.yml"], attributes_of, lambda: ["local"])
    path = folder / "play.yml"
    path.write_text(text or yaml.safe_dump([{"hosts": "all", "tasks": list(tasks), **more}], sort_keys=False))
    validate_playbook(load_playbook(path, known_module, module_names), inventory, {"extra": 1})


WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "an undefined name": (
        {"command": "echo {{ sitee }}"},
        {},
        ["`sitee` is not defined", "did you mean `site`?"],
    ),
    "in a condition": ({"command": "true", "when": "pumpe == 1"}, {}, ["`pumpe` is not defined"]),
    "in one of several": (
        {"command": "true", "when": ["site == 'x'", "objectiv == 1"]},
        {},
        ["`objectiv` is not defined", "did you mean `objective`?"],
    ),
    "in a loop": ({"command": "true", "loop": "{{ thinngs }}"}, {}, ["`thinngs` is not defined"]),
    "the item under another name": (
        {"command": "echo {{ item }}", "loop": [1], "loop_control": {"loop_var": "it"}},
        {},
        ["`item` is not defined"],
    ),
    "neither a file nor a text": (
        {"copy": {"dest": "/x"}},
        {},
        ["exactly one of `src` and `content` is needed"],
    ),
    "conditions that are none": (
        {"command": "true", "when": ["1", "", "'yes'", "None", 7], "changed_when": None},
        {},
        [
            "the condition 1 is a number, not true or false",
            "this condition is empty",
            "the condition 'yes' is a text",
            "the condition None is null",
            "a condition is a text, true or false, not a number",
            "a condition is a text, true or false, not null",
        ],
    ),
    "a mapping for a condition": (
        {"command": "true", "until": {"a": 1}},
        {},
        ["a condition is a text, true or false, not a mapping"],
    ),
    "an assertion of nothing": ({"assert": {"that": []}}, {}, ["`that` holds no condition"]),
    "no command": ({"command": ""}, {}, ["no command given"]),
    "nothing but options": ({"shell": "chdir=/tmp"}, {}, ["no command given"]),
    "names of no variables": (
        {"set_fact": {"a-b": 1, 1: "{{ site }}", "True": 2}},
        {},
        ["'a-b' cannot be", "1 cannot be a variable's name", "'True' cannot be"],
    ),
    "the name of no program": (
        {"program": {"name": "a b", "command": "{{ site }}"}},
        {},
        ["'a b' cannot be a program's name"],
    ),
    "a line that is missing": ({"lineinfile": {"path": "/x"}}, {}, ["`line` is needed with state: present"]),
    "two things to wait for": (
        {"wait_for": {"path": "/x", "port": 1}},
        {},
        ["only one of `port` and `path` can be given"],
    ),
    "an item without a loop": ({"command": "echo {{ item }}"}, {}, ["`item` is not defined"]),
    "an item where all items share one value": (
        {"command": "true", "loop": ["ann"], "become": True, "become_user": "{{ item }}"},
        {},
        ["`become_user` is the same for all items of a loop, so it cannot use `item`"],
    ),
    "in variables": ({"command": "true", "vars": {"a": "{{ nope }}"}}, {}, ["`nope` is not defined"]),
    "in the play's variables": (
        {"command": "true"},
        {"vars": {"a": "{{ nope }}"}},
        ["`nope` is not defined"],
    ),
    "in the environment": (
        {"command": "true", "environment": {"A": "{{ nope }}"}},
        {},
        ["`nope` is not defined"],
    ),
    "in a handler's name": ({"command": "true", "notify": "{{ nope }}"}, {}, ["`nope` is not defined"]),
    "in what is asserted": ({"assert": {"that": ["nope == 1"]}}, {}, ["`nope` is not defined"]),
    "in what decides": (
        {"command": "true", "changed_when": "nope == 1", "failed_when": "nope2 == 1", "until": "nope3"},
        {},
        ["`nope` is", "`nope2` is", "`nope3` is"],
    ),
    "no template": ({"command": "echo {{ site"}, {}, ["play.yml:3:"]),
    "a parameter that there is not": (
        {"copy": {"content": "x", "dst": "/x"}},
        {},
        ["dst", 'did you mean "dest"?'],
    ),
    "a parameter that is missing": ({"stat": {"follow": True}}, {}, ["path"]),
    "a value of the wrong kind": (
        {"copy": {"content": "x", "dest": "/x", "backup": "perhaps"}},
        {},
        ["backup"],
    ),
    "a handler that there is not": (
        {"command": "true", "notify": "restart sever"},
        {"handlers": [{"name": "restart server", "command": "true"}]},
        ["no handler is called `restart sever`", "did you mean `restart server`?"],
    ),
    "a loop that is no list": ({"command": "true", "loop": "things"}, {}, ["`loop` must be a list"]),
    "a file of variables that there is not": (
        {"command": "true"},
        {"vars_files": ["no.yml"]},
        ["there is no file"],
    ),
    "a registered name that shapes the plan": ({"command": "true", "register": "{{ x }}"}, {}, ["register"]),
    "everything at once": (
        {"command": "echo {{ nope }}", "notify": "nobody", "args": {"chdirr": "/"}},
        {},
        ["`nope`", "`nobody`", "chdirr"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_before_anything_happens(tmp_path: Path, name: str) -> None:
    task, more, words = WRONG[name]
    with pytest.raises(Complaints) as caught:
        validate(tmp_path, task, **more)
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert all(error.origin is not None for error in caught.value.errors)


RIGHT: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "names of every level": (
        [
            {
                "command": "echo {{ site }} {{ pump }} {{ objective }} {{ extra }} {{ own }} {{ mine }}",
                "vars": {"mine": 1},
            }
        ],
        {"vars": {"own": 1}},
    ),
    "what is registered before or behind": (
        [{"command": "echo {{ r.stdout | default('') }}"}, {"command": "true", "register": "r"}],
        {},
    ),
    "what set_fact gives": ([{"set_fact": {"x": 1}}, {"command": "echo {{ x }}"}], {}),
    "facts and magic": (
        [
            {
                "command": "echo {{ ansible_system }} {{ ansible_facts.distribution }} {{ inventory_hostname }}"
                " {{ hostvars['m1'].anything }} {{ groups.all }} {{ playbook_dir }} {{ ansible_check_mode }}"
            }
        ],
        {},
    ),
    "what may be missing": (
        [
            {"command": "echo {{ a | default('x') }} {{ b if b is defined else '' }}"},
            {"command": "true", "when": "c is defined and c == 1"},
            {"command": "true", "when": ["d is defined", "d == 1"]},
            {"command": "echo {{ e }}", "when": "e is defined"},
        ],
        {},
    ),
    "what is asked of the result": (
        [
            {
                "command": "true",
                "register": "r",
                "until": "r.rc == 0",
                "failed_when": "r.rc > 1",
                "changed_when": "r.rc",
            }
        ],
        {},
    ),
    "loops": (
        [
            {
                "command": "echo {{ it }}{{ n }}{{ ansible_loop_var }}",
                "loop": ["{{ site }}"],
                "loop_control": {"loop_var": "it", "index_var": "n", "label": "{{ it }}"},
            }
        ],
        {},
    ),
    "handlers by listening and by template": (
        [{"command": "true", "notify": ["web", "{{ site }}"]}],
        {"handlers": [{"name": "h", "command": "true", "listen": "web"}]},
    ),
    "a parameter that only a template gives": (
        [{"copy": {"content": "x", "dest": "{{ site }}", "mode": "{{ omit }}"}}],
        {},
    ),
    "what only a template decides": (
        [
            {"copy": {"src": "{{ omit }}", "content": "x", "dest": "/x"}},
            {"lineinfile": {"path": "/x", "line": "{{ site }}"}},
        ],
        {},
    ),
    "what a rescue sees": (
        [
            {
                "block": [{"command": "true"}],
                "rescue": [
                    {"debug": {"msg": "{{ ansible_failed_task.name }} {{ ansible_failed_result.msg }}"}}
                ],
            }
        ],
        {},
    ),
    "names that only running tells": ([{"set_fact": {"{{ site }}": 1}}, {"command": "echo {{ basel }}"}], {}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_may_be_right_is_left_alone(tmp_path: Path, name: str) -> None:
    tasks, more = RIGHT[name]
    validate(tmp_path, *tasks, **more)


def test_a_playbook_of_ansibles_is_taken_as_it_is(tmp_path: Path) -> None:
    validate(
        tmp_path,
        text="""\
---
- name: Web servers
  hosts: all
  become: true
  gather_facts: true
  vars:
    port: 80
  tasks:
    - name: Configuration
      ansible.builtin.template:
        src: site.conf.j2
        dest: "/etc/site-{{ port }}.conf"
        mode: "0644"
      notify:
        - Restart
    - ansible.builtin.command: uptime
      args:
        chdir: /tmp
      register: uptime
      changed_when: false
    - debug: msg="{{ uptime.stdout }}"
      when: ansible_distribution == "Debian" and uptime.rc == 0
  handlers:
    - name: Restart
      ansible.builtin.shell: |
        echo restarted
""",
    )


def test_a_handler_whose_name_is_a_template_is_found(tmp_path: Path) -> None:
    handlers = [{"name": "restart {{ service }}", "ping": {}}]
    validate(tmp_path, {"ping": {}, "notify": "restart web"}, handlers=handlers, vars={"service": "web"})
    with pytest.raises(Complaints, match="no handler is called `start web`"):
        validate(tmp_path, {"ping": {}, "notify": "start web"}, handlers=handlers, vars={"service": "web"})


def test_handlers_that_notify_each_other_are_a_circle(tmp_path: Path) -> None:
    handlers = [{"name": "A", "ping": {}, "notify": "B"}, {"name": "B", "ping": {}, "notify": "A"}]
    with pytest.raises(Complaints, match=r"handlers notify each other: `A` -> `B` -> `A`|`B` -> `A` -> `B`"):
        validate(tmp_path, {"ping": {}, "notify": "A"}, handlers=handlers)
