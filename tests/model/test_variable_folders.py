"""`group_vars/` and `host_vars/` beside inventory and playbook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.registry import driver_names
from hivectl.engine.lab import attributes_of
from hivectl.model.errors import Complaints
from hivectl.model.inventory import load_inventory, node_layers
from hivectl.model.templates import Templates
from hivectl.model.variable_folders import beside_playbook
from hivectl.model.variables import Layer, Scope

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.model.inventory import Inventory

LAB = """\
version: 1
vars: {a: lab, b: lab}
nodes:
  n[1:3]: {driver: local}
hives:
  web: {nodes: [n1, n2], vars: {c: lab, d: lab}}
  other: {nodes: [n2]}
"""


def lab(folder: Path, text: str = LAB, **files: str) -> Inventory:
    folder.mkdir(exist_ok=True)
    (folder / "lab.yml").write_text(text)
    put(folder, **files)
    return load_inventory([folder / "lab.yml"], attributes_of, driver_names)


def put(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def values(inventory: Inventory, node: str) -> dict[str, Any]:
    layers = [Layer(name, found) for name, found in node_layers(inventory, inventory.nodes[node])]
    scope = Scope(Templates(), layers)
    return {name: scope[name] for name in scope if name not in ("name", "inventory_hostname", "index")}


def test_files_of_all_hives_and_nodes_win_over_the_inventory_file(tmp_path: Path) -> None:
    inventory = lab(
        tmp_path,
        **{
            "group_vars/all.yml": "b: all\ne: all\n",
            "group_vars/web": "d: web\nf: web\n",
            "host_vars/n1.json": json.dumps({"f": "n1"}),
        },
    )
    assert values(inventory, "n1") == {"a": "lab", "b": "all", "c": "lab", "d": "web", "e": "all", "f": "n1"}
    assert values(inventory, "n2") == {"a": "lab", "b": "all", "c": "lab", "d": "web", "e": "all", "f": "web"}
    assert values(inventory, "n3") == {"a": "lab", "b": "all", "e": "all"}


def test_a_folder_of_files_is_read_in_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    inventory = lab(
        tmp_path,
        **{
            "group_vars/web/10-first.yml": "x: first\ny: first\n",
            "group_vars/web/deep/more.yaml": "y: deep\n",
            "group_vars/web/.hidden.yml": "x: hidden\n",
            "group_vars/web/notes.txt": "no YAML: : :\n",
            "group_vars/web/old.yml~": "x: old\n",
        },
    )
    found = values(inventory, "n1")
    assert (found["x"], found["y"]) == ("first", "deep")


def test_what_is_beside_the_playbook_wins_over_what_is_beside_the_inventory(tmp_path: Path) -> None:
    inventory = lab(
        tmp_path / "lab",
        **{"group_vars/web.yml": "x: inventory\ny: inventory\n", "host_vars/n1.yml": "z: inventory\n"},
    )
    put(
        tmp_path / "play",
        **{
            "group_vars/all.yml": "x: all\nw: all\n",
            "group_vars/web.yml": "y: play\n",
            "host_vars/n1.yml": "z: play\n",
        },
    )
    whole = beside_playbook(inventory, tmp_path / "play")
    found = values(whole, "n1")
    assert {name: found[name] for name in "wxyz"} == {"w": "all", "x": "inventory", "y": "play", "z": "play"}
    [source, *_] = Scope(Templates(), [Layer(*one) for one in node_layers(whole, whole.nodes["n1"])]).explain(
        "y"
    )
    assert str(source.origin).endswith("play/group_vars/web.yml:1:4")
    assert tmp_path / "play/host_vars/n1.yml" in whole.paths


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("group_vars/wen.yml", "x: 1\n", "wen.yml:1:1: no hive is called `wen` (did you mean"),
        ("host_vars/n9.yml", "x: 1\n", "n9.yml:1:1: no node is called `n9`"),
        ("group_vars/web.yml", "- 1\n", "web.yml:1:1: this is no mapping of variables"),
        ("group_vars/web.yml", "x: [\n", "web.yml:2:1"),
        (
            "group_vars/web.yml",
            "$ANSIBLE_VAULT;1.1;AES256\n3334\n",
            "web.yml:1:1: this file is encrypted with ansible-vault (write the secrets as `!command",
        ),
        (
            "group_vars/web.yml",
            "x: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  33\n",
            "web.yml:1:4: the tag !vault",
        ),
        ("group_vars/other.yml", "c: 5\n", 'give n2 different values of "c"'),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(Complaints) as beside_inventory:
        lab(tmp_path, **{name: content})
    assert said in str(beside_inventory.value)
    inventory = lab(tmp_path / "lab")
    with pytest.raises(Complaints) as with_playbook:
        beside_playbook(inventory, tmp_path)
    assert said in str(with_playbook.value)


def test_two_files_for_one_hive_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Complaints, match=r"web\.yml:1:1: `web` has its variables in web already"):
        lab(tmp_path, **{"group_vars/web": "x: 1\n", "group_vars/web.yml": "y: 2\n"})


def test_folders_that_inventory_and_playbook_share_are_read_once(tmp_path: Path) -> None:
    inventory = lab(tmp_path, **{"group_vars/web.yml": "x: 1\n"})
    assert beside_playbook(inventory, tmp_path) is inventory
