from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivectl.model.secret import Secret
from hivectl.modules.launcher import launcher_of, path_word
from tests.support.tasks import do
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = [
    "a b", "'q'", '"d"', "$HOME", "`id`", "$(id)", "new\nline", ";", "a;", "\\", "ä", "-x", "", "*", "#{pane_id}", "%d", "~", "&&", "\t",
]  # fmt: skip
SHOW = "import json, os, sys\nprint(json.dumps([sys.argv[1:], os.environ.get('HOSTILE'), os.getcwd()]), flush=True)\n"


class Node:
    """This machine with a home and a tmux server of its own."""

    def __init__(self, home: Path, sockets: str) -> None:
        self.home = home
        self.environment = {"HOME": str(home), "TMUX_TMPDIR": sockets, "TMUX": "", "XDG_DATA_HOME": ""}

    def program(self, *, outside: dict[str, str] | None = None, check: bool = False, **arguments: Any) -> Any:
        return do(
            "program",
            arguments,
            self.home,
            environment={**self.environment, **(outside or {})},
            check=check,
            diff=True,
        )

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", *words],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    def write(self, name: str, text: str) -> str:
        (self.home / name).write_text(text)
        return name


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    home = tmp_path / "ho me 'x' %d #S"
    home.mkdir()
    # a socket's path has 107 bytes at most (unix(7)); pytest's folders are longer for users with longer names
    with tempfile.TemporaryDirectory(prefix="t") as sockets:
        one = Node(home, sockets)
        yield one
        one.tmux("kill-server")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"  # ended, and not yet waited for by tmux


def test_it_runs_outlives_us_and_is_left_alone_while_nothing_changes(node: Node) -> None:
    script = node.write("pump.py", "import time\nprint('pumping', flush=True)\ntime.sleep(60)\n")

    first = node.program(name="pump", script=script, args=["--rate", 4.5])
    second = node.program(name="pump", script=script, args=["--rate", 4.5])

    assert (first["changed"], first["state"], first["output"]) == (True, "started", "pumping")
    assert (second["changed"], second["pid"], second["since"]) == (False, first["pid"], first["since"])
    assert alive(first["pid"])
    host = os.uname().nodename.replace(".", "_")
    assert node.tmux("list-windows", "-a", "-F", "#{session_name}:#{window_name}") == f"{host}:pump"


@pytest.mark.parametrize(
    "change",
    [
        {"args": ["two"]},
        {"environment": {"RATE": "2"}},
        {"directory": "elsewhere"},
        {"interpreter": f"{sys.executable} -u"},
        {"log": "pump.log"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changes_starts_it_anew(node: Node, change: dict[str, Any]) -> None:
    (node.home / "elsewhere").mkdir()
    script = node.write("pump.py", "import time\ntime.sleep(60)\n")
    wanted: dict[str, Any] = {"name": "pump", "script": script, "args": ["one"], "environment": {"RATE": "1"}}

    first = node.program(**wanted)
    second = node.program(**{**wanted, **change})

    assert second["changed"]
    assert second["pid"] != first["pid"]
    assert alive(second["pid"])
    assert not alive(first["pid"])
    assert len(node.tmux("list-windows", "-a").splitlines()) == 1


def test_a_changed_script_starts_it_anew_and_check_mode_only_says_so(node: Node) -> None:
    script = node.write("pump.sh", "sleep 60\n")
    first = node.program(name="pump", script=script)
    node.write("pump.sh", "sleep 61\n")

    looked = node.program(name="pump", script=script, check=True)
    assert (looked["changed"], alive(first["pid"])) == (True, True)

    second = node.program(name="pump", script=script)
    assert (second["changed"], alive(first["pid"])) == (True, False)


def test_arguments_environment_and_folders_arrive_as_they_are(node: Node) -> None:

    folder = node.home / "$(touch bad) 'folder'"
    folder.mkdir()
    script = node.write("show.py", SHOW)
    environment = {"HOSTILE": "x'y\n$z `id` %d"}

    result = node.program(
        name="show",
        script=script,
        args=HOSTILE,
        environment=environment,
        directory=str(folder),
        log="logs of 'show'/%d #S;.log",
        settle=20,
    )

    assert (result["state"], result["exit_status"]) == ("stopped", 0)
    assert json.loads(result["output"]) == [HOSTILE, environment["HOSTILE"], str(folder)]
    assert result["log"] == str(node.home / "logs of 'show'/%d #S;.log")
    assert not (folder / "bad").exists()


def test_a_program_that_fails_at_once_fails_the_task_with_its_last_words(node: Node) -> None:
    result = node.program(
        name="broken", command=["/bin/sh", "-c", "echo no pump here >&2; exit 7"], settle=20
    )

    assert (result["failed"], result["exit_status"], result["state"]) == (True, 7, "stopped")
    assert result["msg"] == "broken ended at once with exit status 7: no pump here"


def test_a_folder_that_is_not_there_is_named(node: Node) -> None:
    result = node.program(name="lost", command="true", directory="/no/such/folder", settle=20)

    assert result["failed"]
    assert "/no/such/folder" in result["msg"]


def test_one_that_does_not_listen_to_term_is_killed_after_the_deadline(node: Node) -> None:
    deaf = "trap '' TERM; echo ready; while :; do sleep 1; done"
    first = node.program(name="deaf", command=["/bin/sh", "-c", deaf])

    stopped = node.program(name="deaf", state="stopped", stop_timeout=1)
    again = node.program(name="deaf", state="stopped")

    assert (stopped["changed"], stopped["state"], stopped["exit_status"]) == (True, "stopped", 137)
    assert not alive(first["pid"])
    assert not again["changed"]


def test_one_that_listens_to_term_ends_by_itself(node: Node) -> None:
    polite = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    node.program(name="polite", command=["/bin/sh", "-c", polite])

    stopped = node.program(name="polite", state="stopped")

    assert stopped["exit_status"] == 3
    assert stopped["output"].startswith("ready\n")
    assert stopped["output"].endswith("\nbye")


def test_restarted_always_starts_anew_and_absent_leaves_nothing(node: Node) -> None:
    wanted: dict[str, Any] = {"name": "pump", "command": "sleep 60"}
    first = node.program(**wanted)
    second = node.program(**wanted, state="restarted")
    assert (second["changed"], alive(first["pid"]), alive(second["pid"])) == (True, False, True)

    gone, again = (node.program(name="pump", state="absent") for _ in range(2))

    assert (gone["changed"], gone["state"], again["changed"]) == (True, "absent", False)
    assert not alive(second["pid"])
    assert not (node.home / ".local/share/hivectl/programs/pump").exists()


def test_two_programs_share_the_session_and_not_each_others_fate(node: Node) -> None:
    one = node.program(name="one", command="sleep 60")
    two = node.program(name="on", command="sleep 60")

    node.program(name="on", state="absent")

    assert (alive(one["pid"]), alive(two["pid"])) == (True, False)


def test_one_that_ended_is_started_again(node: Node) -> None:
    first = node.program(name="short", command="true", settle=20)
    second = node.program(name="short", command="true", settle=20)

    assert (first["changed"], second["changed"]) == (True, True)


@pytest.mark.parametrize("close", ["kill-server", "kill-window"])
def test_one_whose_window_is_closed_ends_with_it_and_is_not_done_twice(node: Node, close: str) -> None:
    first = node.program(name="loop", command="sleep 600")
    launcher = int((node.home / ".local/share/hivectl/programs/loop/pane").read_text().split()[1])
    node.tmux(close)
    wait_until(lambda: not alive(first["pid"]) and not alive(launcher))
    assert node.program(name="loop", command="sleep 600")["changed"]


@pytest.mark.parametrize("others", [False, True])
def test_one_whose_tmux_server_is_gone_is_started_again_as_after_a_reboot(
    node: Node, *, others: bool
) -> None:
    first = node.program(name="loop", command="sleep 600")
    node.tmux("kill-server")
    wait_until(lambda: not alive(first["pid"]) and not node.tmux("list-sessions"))
    if others:
        # whose panes have the same names
        node.tmux("new-session", "-d", "sleep 600")
    again = node.program(name="loop", command="sleep 600")
    assert again["changed"]
    assert alive(again["pid"])


def test_a_secret_is_in_no_result_and_in_no_process_list(node: Node) -> None:
    script = node.write("pump.sh", 'test "$KEY" = s3cr3t && sleep 60\n')

    result = node.program(name="pump", script=script, environment={"KEY": Secret("s3cr3t")})

    assert result["state"] == "started"
    assert "s3cr3t" not in repr(result)
    programs = node.home / ".local/share/hivectl/programs/pump"
    assert oct(programs.stat().st_mode)[-3:] == "700"
    assert oct((programs / "launcher").stat().st_mode)[-3:] == "600"
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"s3cr3t" in line for line in lines)


def test_without_tmux_the_package_is_named(node: Node, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "cat", "env"):
        (tools / tool).symlink_to(str(shutil.which(tool)))

    result = node.program(name="pump", command="true", outside={"PATH": str(tools)})

    assert result["failed"]
    assert "tmux is not installed" in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a:b", "command": "true"}, "cannot be a program's name"),
        ({"name": "../up", "command": "true"}, "cannot be a program's name"),
        ({"name": "x"}, "exactly one of `script` and `command`"),
        ({"name": "x", "script": "a", "command": "b"}, "exactly one of `script` and `command`"),
        ({"name": "x", "command": "true", "environment": {"a-b": 1}}, "cannot be a variable"),
        ({"name": "x", "command": "true", "directory": "~other/x"}, "only ~/ is understood"),
        ({"name": "x", "command": "'open"}, "cannot be split"),
        ({"name": "x", "command": ["a\0b"]}, "NUL"),
        ({"name": "x", "script": "plain.txt"}, "give `interpreter`|nothing says what runs"),
    ],
)
def test_what_cannot_be_is_refused(node: Node, arguments: dict[str, Any], message: str) -> None:
    node.write("plain.txt", "what am I\n")

    result = node.program(**arguments)

    assert result["failed"]
    assert re.search(message, result["msg"])


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4))
def test_any_argument_can_be_quoted(arguments: list[str]) -> None:
    text = launcher_of(["prog", *arguments], environment={}, directory="~", log=None)
    line = text[text.index('"$tmux" prog') :].split("\n    status=$?")[0]

    assert shlex.split(line)[2:] == arguments


def test_paths_begin_at_home_unless_absolute() -> None:
    assert path_word("~") == '"$HOME"'
    assert path_word("~/a b") == "\"$HOME\"/'a b'"
    assert path_word("a") == '"$HOME"/a'
    assert path_word("/a") == "/a"
