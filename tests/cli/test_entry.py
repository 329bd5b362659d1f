"""Whatever goes wrong: one clear message, the right exit code, no traceback."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import PROGRAM

if TYPE_CHECKING:
    from tests.support.command import Lab


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["aply", "x.yml"], ["there is no command 'aply'", "did you mean `hivectl apply`?"]),
        (["status", "--outptu", "json"], ["there is no option --outptu", "did you mean --output?"]),
        (["status", "--output", "jsn"], ["'jsn' is not one of 'table', 'json', 'jsonl', 'csv'"]),
        (["plan"], ["missing argument 'PLAYBOOK'", "hivectl plan --help"]),
        (["status", "m1", "m2"], ["unexpected extra argument"]),
        (["exec", "m1"], ["missing argument '-- COMMAND'"]),
        (["exec", "m1", "-f", "0", "--", "true"], ["0 is not in the range"]),
        (["apply"], ["name a playbook, a run or a saved plan"]),
        (["apply", "sit.yml"], ["there is no playbook sit.yml", "did you mean site.yml?"]),
        (["apply", "site.yml", "--report", "hunam"], ["there is no report 'hunam'", "did you mean 'human'?"]),
        (["apply", "site.yml", "-e", "x"], ["-e 'x' is not of the form NAME=VALUE"]),
        (["modules", "copi"], ["there is no module", "copy"]),
        (["drivers", "shs"], ["there is no driver", "ssh"]),
        (["status", "m9"], ["m9"]),
        (["run", "show", "20200101-000000-abcd"], ["there is no run 20200101-000000-abcd"]),
        (["-i", "x"], ["there is no option -i"]),
    ],
)
def test_a_wrong_command_line_is_3_and_says_what_is_right(
    lab: Lab, arguments: list[str], words: list[str]
) -> None:
    lab.write("site.yml", "- hosts: all\n  tasks: []\n")
    done = lab.run(*arguments)
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("error: ")
    assert not done.stdout
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_no_inventory_is_3_with_a_way_out(lab: Lab) -> None:
    (lab.folder / "inventory" / "lab.yml").unlink()
    (lab.folder / "inventory").rmdir()
    done = lab.run("status")
    assert done.returncode == 3
    assert "there is no inventory here" in done.stderr
    assert "HIVECTL_INVENTORY" in done.stderr


def test_all_faults_of_a_file_are_told_with_place_and_excerpt(lab: Lab) -> None:
    lab.write("inventory/lab.yml", "version: 1\nnodes:\n  m1: {drivr: ssh, host: h}\n  m2: {driver: shs}\n")
    done = lab.run("status")
    assert done.returncode == 3
    assert "inventory/lab.yml:3:" in done.stderr
    assert "m1: {drivr: ssh, host: h}" in done.stderr
    assert "^" in done.stderr
    assert "inventory/lab.yml:4:" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["apply", "--help"], ["--version"], ["run", "--help"]]
)
def test_help_and_version_are_0_on_standard_output(lab: Lab, arguments: list[str]) -> None:
    done = lab.run(*arguments)
    assert done.returncode == 0
    assert done.stdout
    assert not done.stderr


def test_nothing_asked_is_an_error_with_help(lab: Lab) -> None:
    done = lab.run()
    assert done.returncode == 3
    assert done.stderr.startswith("Usage: hivectl")
    done = lab.run("run")
    assert done.returncode == 3
    assert "missing command" in done.stderr


BROKEN = """
import sys
import hivectl.cli.nodes
def fail(lab, selector):
    password = "hunter2"
    raise RuntimeError("inside")
hivectl.cli.nodes.chosen_nodes = fail
from hivectl.cli.main import main
main()
"""


def broken(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BROKEN, *arguments],
        cwd=lab.folder,
        env=lab.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fault_of_ours_is_70_and_its_traceback_is_in_a_private_file(lab: Lab) -> None:
    done = broken(lab, "status", "SECRET-ARGUMENT")
    assert done.returncode == 70
    assert "error: a fault of hivectl itself: RuntimeError: inside" in done.stderr
    assert "Traceback" not in done.stderr
    (path,) = (lab.folder / "home/.local/state/hivectl/crashes").iterdir()
    assert str(path) in done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert "RuntimeError: inside" in text
    assert "hunter2" not in text
    assert "SECRET-ARGUMENT" not in text


def test_debug_shows_the_traceback_wherever_it_stands(lab: Lab) -> None:
    for arguments in (["--debug", "status"], ["status", "--debug"]):
        done = broken(lab, *arguments)
        assert done.returncode == 70
        assert "Traceback" in done.stderr


def test_debug_behind_the_dashes_is_the_commands(lab: Lab) -> None:
    done = lab.run("exec", "m1", "--", "echo", "--debug")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "--debug\n"


def test_a_reader_that_goes_away_is_no_fault(lab: Lab) -> None:
    lab.write("inventory/lab.yml", "version: 1\nnodes:\n  m[1:3000]: {driver: local}\n")
    process = lab.start("inventory", "list")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments", [["inventory", "list"], ["--help"], ["inventory", "list", "--output", "json"]]
)
def test_a_full_disk_behind_standard_output_is_told(lab: Lab, arguments: list[str], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        process = lab.start(*arguments, stdout=full, PYTHONUNBUFFERED=unbuffered)
        _, stderr = process.communicate()
    assert process.returncode == 1
    assert stderr == "error: standard output cannot be written: No space left on device\n"


def test_closed_standard_streams_are_told_or_borne(lab: Lab) -> None:
    command = " ".join(f"'{word}'" for word in PROGRAM) + " status"
    done = subprocess.run(
        ["sh", "-c", f"{command} >&-"],
        cwd=lab.folder,
        env=lab.environment(),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output is closed")
    done = subprocess.run(
        ["sh", "-c", f"{command} <&- 2>&-"],
        cwd=lab.folder,
        env=lab.environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "m1" in done.stdout


def test_an_interruption_while_it_starts_is_130(lab: Lab) -> None:
    code = f"""
import sys, os, signal
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            os.kill(os.getpid(), signal.{signal.SIGINT.name})
sys.meta_path.insert(0, Finder())
from hivectl.cli.main import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "status"],
        cwd=lab.folder,
        env=lab.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr == "interrupted\n"


def test_an_interruption_while_a_class_is_made_is_130(lab: Lab) -> None:
    code = """
import os, signal
import hivectl.cli.nodes
class Field:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            pass
def interrupted(lab, selector):
    class Made:
        field = Field()
hivectl.cli.nodes.chosen_nodes = interrupted
from hivectl.cli.main import main
main()
"""
    done = lab.run_with(code, "status", "m1")
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_terminal_without_utf8_shows_names_escaped(lab: Lab) -> None:
    lab.write("inventory/lab.yml", 'version: 1\nnodes:\n  m1: {driver: local, labels: {place: "Zürich"}}\n')
    done = lab.run("inventory", "list", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "place=Z\\xfcrich" in done.stdout


def test_files_that_are_opened_do_not_get_the_number_of_a_closed_stream() -> None:
    code = "from hivectl.cli.streams import prepare_streams; import os; prepare_streams(); os._exit(os.open('/', 0) <= 2)"
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -c \"{code}\" <&- >&- 2>&-"], check=False, env=os.environ
    )
    assert done.returncode == 0
