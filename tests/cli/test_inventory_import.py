"""`hivectl inventory import` and the folders of variables as people meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.command import Lab

HOSTS = "[web]\na ansible_host=10.0.0.1\nb ansible_password=hush\n"


def test_it_is_printed_and_what_is_left_is_said_beside_it(lab: Lab) -> None:
    lab.write("hosts", HOSTS)
    done = lab.run("inventory", "import", "hosts")
    assert done.returncode == 0
    assert "  a: {driver: ssh, host: 10.0.0.1}\n" in done.stdout
    assert done.stderr == "note: hosts:3:1: b: password is a secret and left out: export B_PASSWORD\n"
    assert "hush" not in done.stdout


def test_it_is_written_to_a_file_which_is_never_overwritten(lab: Lab) -> None:
    lab.write("hosts", HOSTS)
    assert lab.run("inventory", "import", "hosts", "--output", "lab.yml").returncode == 0
    assert lab.run("validate", "lab.yml").returncode == 0
    again = lab.run("inventory", "import", "hosts", "--output", "lab.yml")
    assert (again.returncode, "lab.yml is there already" in again.stderr) == (3, True)


def test_what_is_no_inventory_is_refused_with_its_place(lab: Lab) -> None:
    lab.write("hosts", "[web]\na b\n")
    done = lab.run("inventory", "import", "hosts")
    assert (done.returncode, "hosts:2:1" in done.stderr, done.stdout) == (3, True, "")
    done = lab.run("inventory", "import", "hosts", "--format", "ansibel")
    assert (done.returncode, "did you mean" in done.stderr) == (3, True)


def test_folders_of_variables_are_named_by_explain(lab: Lab) -> None:
    lab.write("inventory/group_vars/hive1.yml", "own: of the hive\n")
    lab.write("plays/host_vars/m1.yml", "own: of the playbook\n")
    playbook = lab.write("plays/play.yml", "- hosts: m1\n  tasks: []\n")
    done = lab.run("vars", "m1", "own", "--explain")
    assert "of the hive" in done.stdout
    assert "inventory/group_vars/hive1.yml:1:1" in done.stdout or "hive1.yml:1:6" in done.stdout
    done = lab.run("vars", "m1", "own", "--explain", "--playbook", str(playbook))
    assert "of the playbook" in done.stdout.splitlines()[1]
    assert "host_vars/m1.yml" in done.stdout
