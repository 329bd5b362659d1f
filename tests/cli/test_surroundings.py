"""Terminals, disks and folders as they are somewhere: hivectl says what is wrong, and goes on where it can."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING

import pytest

from hivectl.cli.extra_variables import extra_variables
from hivectl.cli.streams import ESCAPING, escaping
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from tests.support.command import Lab

CRAMPED = """\
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
from hivectl.cli.main import main
main()
"""
GATE = """\
- hosts: here
  tasks:
    - command: cat gate
    - command: echo passed
"""


def test_what_hivectl_draws_with_is_legible_where_the_encoding_is_poor() -> None:
    codecs.register_error(ESCAPING, escaping)
    assert "├── ü … ━━".encode("ascii", ESCAPING) == rb"+-- \xfc ~ =="
    assert "├── ü … ━━".encode("latin-1", ESCAPING) == b"+-- \xfc ~ =="


def test_a_disk_without_room_is_not_taken_for_a_damaged_store(lab: Lab) -> None:
    done = lab.run_with(CRAMPED, "status")
    assert done.returncode == 3
    assert "damaged" not in done.stderr
    assert "name another" in done.stderr


def test_names_and_links_of_inventories_that_are_wrong_are_told_in_words(lab: Lab) -> None:
    lab.write("inventory/lab.yml", "version: 1\nnodes:\n  bad name: {driver: local}\nlimits: {a b: 1}\n")
    (lab.folder / "inventory" / "more.yml").symlink_to("loop.yml")
    (lab.folder / "inventory" / "loop.yml").symlink_to("more.yml")
    done = lab.run("inventory", "list")
    assert done.returncode == 3
    assert '"bad name" is not a name here: expected a name of letters, digits' in done.stderr
    assert '"a b" is not a name here: expected a name of letters, digits, - _ and .' in done.stderr
    assert "cannot read inventory/more.yml" in done.stderr
    assert "[A-Za-z" not in done.stderr
    (lab.folder / "inventory" / "more.yml").unlink()
    (lab.folder / "inventory" / "loop.yml").unlink()
    lab.write("inventory/lab.yml", "version: 1\n")
    assert "the inventory has no nodes" in lab.run("inventory", "list").stderr


def test_the_last_run_goes_on_by_the_command_that_is_shown(lab: Lab) -> None:
    lab.write("other/lab.yml", "version: 1\nnodes:\n  here: {driver: local}\n")
    home = lab.folder / "home"
    home.mkdir(exist_ok=True)
    lab.write("gate.yml", GATE.replace("cat gate", f"cat {home}/gate"))
    assert "no run has applied anything yet" in lab.run("apply", "-i", "other", "--resume", "last").stderr
    first = lab.run("apply", "-i", "other", "gate.yml")
    assert first.returncode == 1
    run = json.loads(lab.run("runs", "-i", "other", "-o", "json").stdout)["items"][0]["run"]
    assert f"hivectl apply -i other --resume {run}" in first.stdout
    (home / "gate").write_text("open\n")
    second = lab.run("apply", "-i", "other", "--resume", "last", "-v")
    assert (second.returncode, second.stderr) == (0, "")
    assert "going on with" in second.stdout
    assert "stdout | passed" in second.stdout


def test_a_playbook_that_is_no_file_is_called_what_it_is(lab: Lab) -> None:
    assert "the playbook inventory is a folder" in lab.run("apply", "inventory").stderr


def test_a_virtual_node_whose_folder_cannot_be_made_is_told_as_such(lab: Lab) -> None:
    lab.write("long.yml", f"version: 1\nnodes:\n  {'n' * 300}: {{driver: ssh, virtual: linux}}\n")
    lab.write("look.yml", "- hosts: all\n  tasks:\n    - ping:\n")
    done = lab.run("apply", "-i", "long.yml", "look.yml")
    assert (done.returncode, done.stderr) == (1, "")
    assert "File name too long" in done.stdout
    assert "is there room, and may you write there?" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["runs", "-n", "99999999999999999999"], "is not in the range"),
        (["exec", "all", "--timeout", "nan", "--", "true"], "'nan' is no time: write 90s"),
        (["exec", "all", "--wait", "soon", "--", "true"], "'soon' is no time"),
        (["exec", "all", "--timeout", "0s", "--", "true"], "0 leaves no time at all"),
        (["exec", "all", "-f", "many", "--", "true"], "'many' is no whole number"),
        (["exec", "all", "-q", "--", "true"], "there is no option -q\n  see `hivectl exec --help`"),
    ],
)
def test_numbers_and_options_that_are_none_are_told(lab: Lab, words: list[str], told: str) -> None:
    done = lab.run(*words)
    assert done.returncode == 3
    assert told in done.stderr


def test_an_empty_list_of_inventories_is_told(lab: Lab) -> None:
    done = lab.run("status", HIVECTL_INVENTORY=":")
    assert (done.returncode, done.stderr.splitlines()[0]) == (3, "error: HIVECTL_INVENTORY names no file")


def test_templates_on_the_command_line_are_one_word_each() -> None:
    assert extra_variables(["a={{ b + 1 }} c='d e' f={{ 'x y' }}-{{g}}"]) == {
        "a": "{{ b + 1 }}",
        "c": "d e",
        "f": "{{ 'x y' }}-{{g}}",
    }
    with pytest.raises(InputError, match="not of the form"):
        extra_variables(["a {{ b }}"])


def test_folders_that_lead_nowhere_or_into_themselves_are_no_fault_of_ours(lab: Lab) -> None:
    lab.write("inventory/group_vars/all/vars.yml", "a: 1\n")
    (lab.folder / "inventory/group_vars/all/again").symlink_to(".")
    (lab.folder / "inventory/group_vars/all/more").symlink_to("..")
    assert lab.run("vars", "m1", "a", "-o", "csv").stdout.split() == ["name,value", "a,1"]
    (lab.folder / "inventory/host_vars").symlink_to("x" * 255 + "/y")
    (lab.folder / "roles").symlink_to("roles")
    lab.write("site.yml", "- hosts: all\n  roles: [pump]\n")
    done = lab.run("validate", "site.yml")
    assert done.returncode == 3
    # the role may well be there: what cannot be looked into is told as such
    assert "the role `pump` cannot be looked for in " in done.stderr
    assert "roles: Too many levels of symbolic links" in done.stderr
    (lab.folder / "roles").unlink()
    (lab.folder / "roles/pump").mkdir(parents=True)
    (lab.folder / "roles/pump/tasks").symlink_to("tasks")
    done = lab.run("validate", "site.yml")
    assert done.returncode == 3
    assert "the role `pump` cannot be read: " in done.stderr
    gone = "import os; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
    done = lab.run_with(
        gone + "from hivectl.cli.main import main; main()", "status", "-i", "../inventory/lab.yml"
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
