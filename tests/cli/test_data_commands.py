"""Commands that show data, on a lab of three nodes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.command import Lab


def items(lab: Lab, *arguments: str) -> list[dict[str, Any]]:
    done = lab.run(*arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["version"] == 1
    found: list[dict[str, Any]] = document["items"]
    return found


def test_status_lists_nodes_of_a_selector(lab: Lab) -> None:
    assert [item["node"] for item in items(lab, "status")] == ["m1", "m2", "m3", "far"]
    assert [item["node"] for item in items(lab, "status", "hive1:&kind=microscope:!m1")] == ["m2"]


def test_the_inventory_as_list_and_tree(lab: Lab) -> None:
    (m1,) = items(lab, "inventory", "list", "m1")
    assert m1["driver"] == ["local"]
    assert m1["hives"] == ["hive1"]
    assert m1["written"].endswith("inventory/lab.yml:4:3")
    tree = lab.run("inventory", "graph").stdout
    assert tree == "all\n├── hive1  (2)\n│   ├── m1\n│   └── m2\n├── far\n└── m3\n"


def test_inventories_are_named_by_option_or_environment_and_later_ones_win(lab: Lab) -> None:
    lab.write("other.yml", "version: 1\nnodes:\n  x1: {driver: local}\n")
    assert [item["node"] for item in items(lab, "status", "-i", "other.yml")] == ["x1"]
    assert [item["node"] for item in items(lab, "status", "-i", "inventory", "-i", "other.yml")][-1] == "x1"
    done = lab.run("status", "--output", "csv", HIVECTL_INVENTORY="other.yml")
    assert "x1,local" in done.stdout


def test_variables_with_where_they_come_from(lab: Lab) -> None:
    values = {item["name"]: item["value"] for item in items(lab, "vars", "m1")}
    assert values["place"] == "basel lab"
    assert values["objective"] == "20x"
    assert values["token"] == "********"
    (place,) = items(lab, "vars", "m1", "place", "--explain")
    assert place["origin"].endswith("inventory/lab.yml:2:28")
    assert place["layer"] == "inventory"
    assert place["raw"] == "{{ site }} lab"
    (pump, other) = items(lab, "vars", "m1", "pump", "--explain", "-e", "pump=syringe")
    assert (pump["value"], pump["layer"], pump["holds"]) == ("syringe", "-e", True)
    assert (other["value"], other["layer"], other["holds"]) == ("peristaltic", "node m1", False)


def test_an_unknown_variable_and_several_nodes_are_3(lab: Lab) -> None:
    done = lab.run("vars", "m1", "pmup")
    assert done.returncode == 3
    assert "pump" in done.stderr
    done = lab.run("vars", "m*")
    assert done.returncode == 3
    assert "3 nodes" in done.stderr


@pytest.mark.parametrize("arguments", [["vars", "m1"], ["vars", "m1", "--explain"], ["status"]])
@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv"])
def test_no_output_shows_a_secret(lab: Lab, arguments: list[str], form: str) -> None:
    done = lab.run(*arguments, "--output", form, TEST_TOKEN="hunter2")
    assert done.returncode == 0
    assert "hunter2" not in done.stdout + done.stderr


def test_modules_and_drivers_show_what_there_is(lab: Lab) -> None:
    assert {"copy", "command", "setup"} <= {item["name"] for item in items(lab, "modules")}
    (copy,) = items(lab, "modules", "ansible.builtin.copy")
    assert {"src", "dest", "content"} <= {one["name"] for one in copy["parameters"]}
    text = lab.run("modules", "copy").stdout
    assert "PARAMETER" in text
    assert "Example:" in text
    assert {"local", "ssh"} <= {item["name"] for item in items(lab, "drivers")}
    assert "host" in lab.run("drivers", "ssh").stdout


def test_no_runs_yet(lab: Lab) -> None:
    done = lab.run("runs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "there are no runs yet\n")
