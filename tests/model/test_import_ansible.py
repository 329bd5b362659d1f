"""Ansible's inventories written as ours: the same selectors mean the same nodes, and the values are the same."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hivectl.drivers.registry import driver_names
from hivectl.engine.lab import attributes_of
from hivectl.model.errors import HivectlError
from hivectl.model.importing.formats import read_other
from hivectl.model.importing.writing import written
from hivectl.model.inventory import connection_attributes, load_inventory, node_layers
from hivectl.model.secret import Secret
from hivectl.model.selectors import select
from hivectl.model.templates import Templates
from hivectl.model.variables import Layer, Scope
from tests.support.ansible_inventories import ask

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.model.inventory import Inventory

INI = """\
# a lab
lonely ansible_host=10.0.0.9
[web]
web[01:05:2] ansible_user=pi
db-[a:c].lab.example:2222 port_of=80 words='two words' flag=True ratio=1.5 mode=0644 yes=yes  # said here
[db]
db-a.lab.example
[prod:children]
web
db
[web:vars]
x=web
; of the group
[db:vars]
x=db
[all:vars]
site=basel
"""
YAML = """\
all:
  vars: {site: basel, list: [1, two, 3.0, null, true]}
  hosts:
    lonely: {ansible_host: 10.0.0.9}
  children:
    web:
      vars: {x: web, y: {a: {b: 1}}}
      hosts:
        web[01:05:2]: {ansible_user: pi}
        db-[a:c]:
    db:
      hosts: {db-a: {own: 'yes'}}
      vars: {x: db, y: {a: 2}}
    prod:
      children: {web: , db: }
      vars: {x: prod, z: prod}
"""


def imported(path: Path) -> tuple[Inventory, str, list[str]]:
    """Import an inventory, write it and load what was written; its text and the notes beside it."""
    draft = read_other(path, "ansible")
    text = written(draft, path.name)
    target = path.parent / "imported" / f"{path.name}.lab.yml"
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)
    return load_inventory([target], attributes_of, driver_names), text, [str(note) for note in draft.notes]


def values(inventory: Inventory, node: str) -> dict[str, Any]:
    layers = [Layer(name, found) for name, found in node_layers(inventory, inventory.nodes[node])]
    scope = Scope(Templates(), layers)
    return {name: scope[name] for name in scope if name not in ("name", "inventory_hostname", "index")}


def chosen(inventory: Inventory, pattern: str) -> list[str]:
    return sorted(select(pattern, inventory))


@pytest.mark.parametrize(("name", "text"), [("hosts", INI), ("hosts.yml", YAML)])
def test_selectors_and_variables_are_those_of_ansible(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars/all.yml").write_text("site: zurich\nregion: north\n")
    (tmp_path / "group_vars/prod.yml").write_text("z: folder\n")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/lonely.yml").write_text("own: alone\n")
    patterns = [
        "all",
        "web",
        "db:web",
        "prod:!db",
        "web:&db",
        "web*",
        "~db-[ab].*",
        "lonely,db",
        "web[0]",
        "web[1:2]",
    ]
    [theirs] = ask([(path, patterns)], tmp_path)
    ours, _text, notes = imported(path)
    assert {pattern: chosen(ours, pattern) for pattern in patterns} == theirs["hosts"]
    names = {name for node in ours.nodes for name in values(ours, node)}
    for node in ours.nodes:
        said = theirs["variables"][node]
        assert values(ours, node) == {key: value for key, value in said.items() if key in names}, node
        kept = {key for key in said if not key.startswith(("ansible_", "inventory_", "playbook_"))}
        assert kept - names <= {"groups", "group_names", "omit"}
    assert notes == []


def generated(number: random.Random) -> dict[str, Any]:
    """Return group -> {hosts, children, vars} of a lab that Ansible could have; groups only hold later ones."""
    names = [f"g{letter}" for letter in "abcdef"[: number.randint(1, 6)]]
    hosts = [
        *(f"h{place}" for place in range(number.randint(1, 5))),
        "m[1:4]",
        "x[a:c]-[01:02]",
        "n[01:09:4]",
    ]
    groups: dict[str, Any] = {}
    for place, name in enumerate(names):
        groups[name] = {
            "hosts": number.sample(hosts, number.randint(0, 3)),
            "children": number.sample(names[place + 1 :], number.randint(0, min(2, len(names) - place - 1))),
            "vars": {key: f"{name}-{key}" for key in number.sample("pqrs", number.randint(0, 3))},
        }
    groups["all"] = {
        "hosts": hosts,
        "children": [],
        "vars": {"p": "all", "t": number.choice([1, "one", True])},
    }
    groups["hosts"] = {host: {"q": host.strip("[]")} for host in number.sample(hosts, 2)}
    return groups


def as_ini(groups: dict[str, Any]) -> str:
    own = groups["hosts"]
    lines = [
        " ".join([host, *(f"{key}={value!r}" for key, value in own.get(host, {}).items())])
        for host in groups["all"]["hosts"]
    ]
    for name, group in groups.items():
        if name == "hosts":
            continue
        if name != "all":
            lines += [f"[{name}]", *group["hosts"]]
        lines += [f"[{name}:vars]", *(f"{key}={value!r}" for key, value in group["vars"].items())]
        if group["children"]:
            lines += [f"[{name}:children]", *group["children"]]
    return "\n".join(lines) + "\n"


def as_yaml(groups: dict[str, Any]) -> str:
    own = groups["hosts"]
    document: dict[str, Any] = {
        name: {
            "hosts": {host: own.get(host, {}) if name == "all" else {} for host in group["hosts"]},
            "children": dict.fromkeys(group["children"]),
            "vars": group["vars"],
        }
        for name, group in groups.items()
        if name != "hosts"
    }
    return yaml.safe_dump(document, sort_keys=False)


def some_patterns(number: random.Random, groups: dict[str, Any]) -> list[str]:
    names = [name for name in groups if name not in ("all", "hosts")]
    terms = [*names, "all", "ungrouped", "m*", "h0", "~x[ab].*", "n01", "m2"]
    joined = []
    for _ in range(12):
        joint = number.choice(":,")  # Ansible parts a text at commas, or else at colons
        rest = [number.choice(["", "&", "!"]) + number.choice(terms) for _ in range(2)]
        joined.append(joint.join([number.choice(terms), *rest]))
    return [*names, *joined]


def test_many_labs_select_and_say_the_same(tmp_path: Path) -> None:
    jobs = []
    for seed in range(20):
        number = random.Random(seed)
        groups = generated(number)
        patterns = some_patterns(number, groups)
        for name, text in (("hosts.ini", as_ini(groups)), ("hosts.yml", as_yaml(groups))):
            path = tmp_path / str(seed) / name.partition(".")[2] / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
            jobs.append((path, patterns))
    for (path, patterns), theirs in zip(jobs, ask(jobs, tmp_path), strict=True):
        ours, _text, _notes = imported(path)
        assert {pattern: chosen(ours, pattern) for pattern in patterns} == theirs["hosts"], path.read_text()
        for node in ours.nodes:
            said = {key: value for key, value in theirs["variables"][node].items() if key in set("pqrst")}
            assert values(ours, node) == said, (node, path.read_text())


def test_ways_become_attributes(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(
        "[lab]\n"
        "a ansible_host=10.0.0.1 ansible_port=2200 ansible_user=pi ansible_ssh_private_key_file=~/.ssh/lab"
        " ansible_python_interpreter=/usr/bin/python3.9"
        " ansible_ssh_common_args='-o ProxyJump=me@jump:22 -o StrictHostKeyChecking=no -oConnectTimeout=5'\n"
        "b ansible_ssh_common_args='-o ProxyCommand=\"ssh -W %h:%p -q hop\" -o ControlMaster=auto'\n"
        "c ansible_connection=local\n"
        "[2001:db8::1]:2222\n"
    )
    ours, _text, notes = imported(path)

    def attributes(node: str) -> Any:
        entry = ours.nodes[node].connections[0]
        cls = attributes_of(entry.driver)
        assert cls is not None
        return connection_attributes(ours, ours.nodes[node], entry, cls)

    first = attributes("a")
    assert (first.host, first.port, first.user, first.python) == (
        "10.0.0.1",
        2200,
        "pi",
        "/usr/bin/python3.9",
    )
    assert (first.identity_file, first.proxy_jump) == (["~/.ssh/lab"], "me@jump:22")
    assert (first.strict_host_key_checking, first.connect_timeout) == ("no", 5.0)
    assert (attributes("b").host, attributes("b").proxy_jump) == ("b", "hop")
    assert ours.nodes["c"].driver == "local"
    assert (attributes("node_2001_db8__1").host, attributes("node_2001_db8__1").port) == ("2001:db8::1", 2222)
    assert [note.partition(": ")[2] for note in notes] == [
        "the host `2001:db8::1` becomes the node `node_2001_db8__1`: change selectors"
    ]


def test_no_password_is_ever_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all:\n"
        "  vars: {ansible_become_pass: hush-1, api: {token: hush-2, url: 'http://x'}}\n"
        "  hosts:\n"
        "    a: {ansible_password: hush-3, db_password: hush-4, other_password: '{{ db_password }}'}\n"
        '    b: {sealed: !vault "$ANSIBLE_VAULT;1.1;AES256\\n6162"}\n'
    )
    ours, text, notes = imported(path)
    assert "hush" not in text + "".join(notes)
    places = {note.partition(": ")[0].rpartition("/")[2]: note for note in notes}
    assert len(notes) == 5
    assert "export ALL_BECOME_PASSWORD" in places["hosts.yml:2:10"]
    assert any("sealed is encrypted: put it into secrets/b_sealed" in note for note in notes)
    monkeypatch.setenv("A_DB_PASSWORD", "told")
    found = values(ours, "a")
    assert isinstance(found["db_password"], Secret)
    assert found["other_password"].reveal() == "told"
    assert (found["api"]["url"], isinstance(found["api"]["token"], Secret)) == ("http://x", True)


def test_what_cannot_be_taken_over_is_named_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text(
        "a ansible_connection=winrm ansible_winrm_transport=ntlm\n"
        "[free]\nb ansible_become=true odd-name=1 ansible_ssh_extra_args='-o Tunnel=yes -v'\n"
        "[a]\nb\n"
    )
    ours, _text, notes = imported(path)
    said = "\n".join(note.removeprefix(f"{tmp_path}/") for note in notes)
    for line in (
        "hosts:1:1: a: no driver is like the connection `winrm`; `driver: ssh` stands in its place",
        "hosts:1:1: a: ansible_winrm_transport is left out",
        "hosts:2:1: the group `free` becomes the hive `free_hive`: change selectors",
        "hosts:4:1: the group `a` becomes the hive `a_hive`: change selectors",
        "hosts:3:1: b: ansible_become='true' is left out: write `become: true` in the playbook",
        "hosts:3:1: b: `odd-name` is left out",
        "hosts:3:1: b: ansible_ssh_extra_args: `-o Tunnel=yes` is not taken over",
        "hosts:3:1: b: ansible_ssh_extra_args: `-v` is not taken over",
    ):
        assert line in said
    assert list(ours.hives) == ["free_hive", "a_hive"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("hosts", "[web\nx\n", "hosts:1:1"),
        ("hosts", "[web]\nx y\n", "hosts:2:1: 'y' is no variable"),
        ("hosts", "[web:vrs]\n", "hosts:1:1: a section is no `:vrs`"),
        ("hosts", "x[4:1]\n", "hosts:1:1"),
        ("hosts", "#!/bin/sh\necho\n", "is a program"),
        ("hosts.yml", "web: {host: {a: }}\n", "hosts.yml:1:7: a group has no `host`"),
        ("hosts.yml", "- a\n", "is no inventory"),
        ("hosts", "[a:children]\nb\n[b:children]\na\n", "hold each other"),
    ],
)
def test_what_is_no_inventory(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(HivectlError) as caught:
        imported(path)
    assert said in str(caught.value)


def test_a_folder_of_files_is_one_inventory(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "01.ini").write_text("[web]\na\n")
    (folder / "02.yml").write_text("web: {hosts: {b: }}\n")
    ours, _text, _notes = imported(folder)
    assert list(itertools.chain(*(hive.nodes for hive in ours.hives.values()))) == ["a", "b"]


def test_group_vars_of_all_win_over_what_the_inventory_says_of_a_group(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text("[web]\nw1\n[web:vars]\nx=ini\ny=ini\nz=ini\n")
    for name, text in (("all", "x: all\ny: all\n"), ("web", "y: web\n")):
        path = tmp_path / "group_vars" / f"{name}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    inventory, _, _ = imported(tmp_path / "hosts.ini")
    layers = [Layer(name, values) for name, values in node_layers(inventory, inventory.nodes["w1"])]
    scope = Scope(Templates(), layers)
    assert [scope[name] for name in "xyz"] == ["all", "web", "ini"]
