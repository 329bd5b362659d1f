"""The default shell of a Linux node: real sshd, real tmux, real bash and Python."""

from __future__ import annotations

import asyncio
import os
import shlex
import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hivectl import Node
from hivectl.aio import Node as AsyncNode
from hivectl.client.errors import (
    BusyError,
    CommandError,
    NoTmuxError,
    RemoteCallError,
    ShellEndedError,
    ShellTimeoutError,
)
from hivectl.drivers.errors import ConnectionLostError
from tests.support.connections import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.tmux_hosts import TmuxLab

SESSION = os.uname().nodename.replace(".", "_")


def test_it_keeps_its_state_and_tells_how_commands_end(node: Node) -> None:
    assert node("cd /tmp; x=5") == ""
    printed = node("pwd; echo $x; (exit 3)")
    assert (printed, printed.status, printed.failed, printed.ok) == ("/tmp\n5\n", 3, True, False)
    assert node("echo $?") == "3\n"
    with pytest.raises(CommandError, match=r"'ls /nowhere' ended with 2: .*No such file") as raised:
        node("ls /nowhere", check=True)
    assert raised.value.output.status == 2


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("printf 'no newline'", "no newline"),
        ("printf 'two\\r\\nends\\r'", "two\r\nends\r"),
        ("printf '%0500d\\n' 7", f"{7:0500d}\n"),
        ("echo 'a  b' \"c\" \\\\ !! `echo sub`", "a  b c \\ !! sub\n"),
        ("echo eins\necho 'zwei\n drei'\n\techo ü 日本", "eins\nzwei\n drei\nü 日本\n"),
        ("printf '\\033[31mred\\033[0m\\tx\\a'", "\x1b[31mred\x1b[0m\tx\x07"),
        ("printf '>>> \\n$ \\nroot@h:~# \\n>>> '", ">>> \n$ \nroot@h:~# \n>>> "),
        ("printf '%%end 1 2 3\\n%%output %%0 x\\n'", "%end 1 2 3\n%output %0 x\n"),
        ("printf '\\033]7770;x;e0\\007'", "\x1b]7770;x;e0\x07"),
        ("printf '\\377\\200'", "\udcff\udc80"),
        (f"x={'y' * 3000}; echo ${{#x}}", "3000\n"),
        ('echo "$HOME" | wc -l # comment', "1\n"),
        ("cat <<'END'\n$x `y` \\\nEND", "$x `y` \\\n"),
        ("", ""),
    ],
)  # fmt: skip
def test_output_is_exact(node: Node, command: str, printed: str) -> None:
    output = node(command)
    assert (output, output.status) == (printed, 0)


def test_errors_of_syntax_leave_the_shell_in_order(node: Node) -> None:
    for wrong in ("if true", "echo 'unterminated", "echo $(", "done"):
        assert node(wrong).failed
    assert node("echo fine") == "fine\n"


def test_ten_megabytes(node: Node) -> None:
    printed = node(
        "head -c 7500000 /dev/urandom | base64 -w 76 | tee /tmp/$$.txt | wc -c; cat /tmp/$$.txt; rm /tmp/$$.txt"
    )
    first, _, rest = printed.partition("\n")
    assert len(rest) == int(first) > 10_000_000
    assert set(map(len, rest.splitlines()[:-1])) == {76}


def test_slow_output_is_waited_for(node: Node) -> None:
    assert node("for i in 1 2; do echo $i; sleep 0.4; done; printf '>>> '; sleep 1.2") == "1\n2\n>>> "


def test_a_command_takes_too_long(node: Node) -> None:
    started = time.monotonic()
    with pytest.raises(
        ShellTimeoutError, match=r"took longer than 0.5 s and was stopped by Ctrl-C"
    ) as raised:
        node("echo begun; sleep 60", timeout=0.5)
    assert raised.value.output.startswith("begun\n")
    assert time.monotonic() - started < 5
    assert node("echo on") == "on\n"


def test_what_ctrl_c_does_not_end_is_said_to_go_on(node: Node) -> None:
    with pytest.raises(ShellTimeoutError, match=r"not to be stopped by Ctrl-C.*still runs"):
        node("trap '' INT; for i in 1 2 3 4 5 6 7 8; do sleep 0.5; done", timeout=0.3)
    with pytest.raises(ShellTimeoutError, match=r"stopped by Ctrl-C$"):
        node("trap - INT; while :; do :; done", timeout=0.5)
    assert node("echo on") == "on\n"


def test_a_shell_in_the_shell_is_left_again(node: Node) -> None:
    with pytest.raises(ShellTimeoutError):
        node("bash", timeout=1)
    assert node("echo $SHLVL; x=inner") == "2\n"
    assert not node("exit").failed
    assert node("echo $x") == "\n"


@pytest.mark.parametrize("prompt", [">>> ", "> ", "... ", "In [1]: "])
def test_prompts_that_look_like_others(node: Node, prompt: str) -> None:
    node(f"PS1='{prompt}'")
    assert (node("echo one"), node("echo two; (exit 3)").status) == ("one\n", 3)


def test_a_shell_that_a_command_ends_is_told_and_started_anew(node: Node) -> None:
    node("x=1")
    with pytest.raises(ShellEndedError, match="ended the shell"):
        node("echo last; exit 3")
    assert node('echo "new $x"') == "new \n"


def test_cancelling_sends_ctrl_c_on(nodes: TmuxLab) -> None:
    async def main() -> None:
        async with AsyncNode("h1") as node:
            await node("echo ready")
            task = asyncio.ensure_future(node("trap 'echo caught; trap - INT' INT; sleep 60; echo behind"))
            await until(lambda: "sleep" in nodes.tmux("list-panes", "-a", "-F", "#{pane_current_command}"))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # on a busy machine that takes longer than the patience of who cancels
            await until(lambda: nodes.tmux("list-panes", "-a", "-F", "#{pane_current_command}") == "bash")
            assert await node("echo on") == "on\n"

    asyncio.run(main())


def test_it_is_in_the_session_named_after_the_host_and_outlives_us(nodes: TmuxLab) -> None:
    with Node("h1") as first:
        first("cd /; mine=kept")
    form = "#{session_name}:#{window_name} #{session_attached}"
    assert nodes.tmux("list-windows", "-a", "-F", form) == f"{SESSION}:shell 0"
    with Node("h1") as second:
        assert second("pwd; echo $mine") == "/\nkept\n"
        assert nodes.tmux("list-windows", "-a", "-F", form) == f"{SESSION}:shell 1"


def test_a_session_that_people_have_begun_is_shared(nodes: TmuxLab) -> None:
    nodes.tmux("new-session", "-d", "-s", SESSION, "-n", "theirs", "sleep", "60")
    with Node("h1") as node:
        assert node("echo ours") == "ours\n"
    windows = nodes.tmux("list-windows", "-a", "-F", "#{session_name}:#{window_name}").splitlines()
    assert windows == [f"{SESSION}:theirs", f"{SESSION}:shell"]


def test_what_a_person_has_half_typed_or_scrolled_does_no_harm(node: Node, nodes: TmuxLab) -> None:
    node("true")
    nodes.tmux("send-keys", "-l", "echo half ")
    assert node("echo one") == "one\n"
    nodes.tmux("send-keys", "-l", "echo 'open")
    nodes.tmux("send-keys", "Enter")
    assert node("echo two") == "two\n"
    nodes.tmux("copy-mode")
    assert node("echo three") == "three\n"


def test_a_program_in_the_foreground_is_named(node: Node, nodes: TmuxLab) -> None:
    node("true")
    nodes.tmux("send-keys", "sleep 60", "Enter")
    while nodes.tmux("list-panes", "-a", "-F", "#{pane_current_command}") != "sleep":
        time.sleep(0.02)
    with pytest.raises(BusyError, match=r"sleep runs in it.*exec") as raised:
        node("echo never")
    assert raised.value.program == "sleep"
    assert node.exec("echo beside") == "beside\n"
    nodes.tmux("send-keys", "C-c")
    assert node("echo again") == "again\n"


def test_python_in_it_takes_statements_and_shows_values(node: Node) -> None:
    begun = node("python3 -q")
    assert (begun.status, begun.failed) == (None, False)
    assert node("x = 41") == ""
    assert node("x + 1") == "42\n"
    assert node("for i in range(2):\n    print(i)\n\n'ü'") == "0\n1\n'ü'\n"
    assert node("def f(a):\n    '''two\n    lines'''\n    return a * 2\n\nf('ab')") == "'abab'\n"
    wrong = node("f(")
    assert wrong.failed
    assert "SyntaxError" in wrong
    raised = node("print('before')\n1/0")
    assert raised.failed
    assert raised.startswith("before\nTraceback (most recent call last):\n")
    assert raised.endswith("ZeroDivisionError: division by zero\n")
    assert "run(" not in raised
    with pytest.raises(CommandError, match="raised an exception: NameError"):
        node("nothing", check=True)
    assert node("_ if x == 41 else 0").status is None
    assert len(node("print('z' * 300000)")) == 300001
    with pytest.raises(ShellTimeoutError):
        node("import time; time.sleep(60)", timeout=0.5)
    assert node("x") == "41\n"
    assert not node("exit()").failed
    assert node("echo $0 | tr -d -") == "bash\n"


def test_python_is_seen_behind_the_prompt_of_a_slow_shell(bench: Callable[..., TmuxLab]) -> None:
    bench(1, runs="sh")
    with Node("h1") as node:
        # without a line editor it draws its prompt behind what was typed ahead of it, and Python's on the same line
        node("PS1='$(sleep 0.3)# '")
        assert node("python3 -q", timeout=20).status is None
        assert node("1 + 1") == "2\n"


def test_calls_are_forwarded_with_their_arguments_and_return_literals(node: Node) -> None:
    with pytest.raises(RemoteCallError, match="the default shell is bash"):
        node.beacon.on()
    node("python3 -q")
    node(
        "class Beacon:\n"
        "    level = 3\n"
        "    def on(self, *a, **k):\n        return [a, k]\n"
        "    def say(self):\n        print('lit up')\n"
        "    def fail(self):\n        raise ValueError('no bulb')\n"
        "beacon = Beacon()\n"
        "def exec(text): return text.upper()\n"
    )
    assert node.beacon.on(1, 2.5, mode="x'\"\n", deep={"a": [None, True, b"\0"]}) == [
        (1, 2.5),
        {"mode": "x'\"\n", "deep": {"a": [None, True, b"\0"]}},
    ]
    assert node.beacon.say() == "lit up"
    assert node.beacon.on is not None  # alone it sends nothing
    with pytest.raises(RemoteCallError, match=r"beacon.fail\(\) raised ValueError: no bulb"):
        node.beacon.fail()
    with pytest.raises(AttributeError):
        node._beacon  # noqa: B018
    with pytest.raises(AttributeError):
        node.beacon.__secret__  # noqa: B018
    assert node.remote.print("own") == "own"
    with pytest.raises(TypeError, match="only literals"):
        node.beacon.on(object())


def test_a_lost_connection_is_told_and_made_again(nodes: TmuxLab) -> None:
    async def main() -> None:
        async with AsyncNode("h1") as node:
            await node("x=kept")
            running = asyncio.ensure_future(node("sleep 3; y=done"))
            await until(lambda: "sleep" in nodes.tmux("list-panes", "-a", "-F", "#{pane_current_command}"))
            nodes.hosts[0].drop_connections()
            with pytest.raises(ConnectionLostError, match="may go on"):
                await running
            with pytest.raises(BusyError, match="sleep"):
                await node("echo too early")
            await until(lambda: nodes.tmux("list-panes", "-a", "-F", "#{pane_current_command}") == "bash")
            assert await node("echo $x $y") == "kept done\n"

    asyncio.run(main())


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=60))
def test_any_text_goes_there_and_comes_back(node: Node, text: str) -> None:
    assert node(f"printf %s {shlex.quote(text)}") == text


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.tuples(inner),
    max_leaves=5,
)  # fmt: skip


def test_any_literal_goes_there_and_comes_back(node: Node) -> None:
    node("python3 -q")
    node("def echo(value): return value")

    @settings(max_examples=40, deadline=None)
    @given(value=LITERALS)
    def same(value: object) -> None:
        assert node.echo(value) == value

    same()


def test_other_shells_live_beside_it(node: Node) -> None:
    node("cd /tmp")
    second, third = node.shell(), node.shell("third")
    second("cd /")
    assert (node("pwd"), second("pwd"), third("pwd")[-5:]) == ("/tmp\n", "/\n", "home\n")
    assert [shell.name for shell in node.shells] == ["", "shell2", "third"]
    assert node.shell("third")("echo same; x=1") == "same\n"
    second.close()
    assert [shell.name for shell in node.shells] == ["", "third"]
    assert node.shell("third")("echo $x") == "1\n"


def test_threads_take_turns_in_one_shell(node: Node) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(node(f"sleep 0.1; echo {n}"))) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["0\n", "1\n", "2\n", "3\n"]


@pytest.mark.parametrize("shell", ["/bin/dash", "/bin/sh"])
def test_plain_sh_will_do(bench: Callable[..., TmuxLab], shell: str) -> None:
    bench(1, shell=shell)
    with Node("h1") as node:
        assert node("x='a b'; echo \"$x\"\necho ü") == "a b\nü\n"
        assert node("if true").status == 2
        assert node("echo $x; (exit 4)").status == 4
        with pytest.raises(ShellTimeoutError):
            node("sleep 60", timeout=0.3)
        assert node("echo on") == "on\n"


def test_it_runs_the_control_layer_that_the_inventory_names(bench: Callable[..., TmuxLab]) -> None:
    lab = bench(1, runs="python3 -q -i control.py")
    (lab.hosts[0].home / "control.py").write_text(
        "import time; time.sleep(1.5)\nclass Lamp:\n    def on(self, level=1): return level * 2\nlamp = Lamp()\n"
    )
    with Node("h1") as node:
        assert node.lamp.on(level=4) == 8
        assert node("lamp.on()") == "2\n"


def test_a_control_layer_that_does_not_start_is_told(bench: Callable[..., TmuxLab]) -> None:
    bench(1, runs="no-such-program")
    with Node("h1") as node, pytest.raises(Exception, match=r"`shell:` names|ended"):
        node("1")


def test_without_tmux_it_says_how_to_install_it(
    bench: Callable[..., TmuxLab], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = bench(1)
    (lab.hosts[0].home / "bin").mkdir()
    from hivectl.client.tmux import ATTACH

    monkeypatch.setattr("hivectl.client.panes.ATTACH", f"PATH={lab.hosts[0].home}/bin\n{ATTACH}")
    with Node("h1") as node:
        with pytest.raises(NoTmuxError, match="apt-get install tmux"):
            node("true")
        assert node.exec("echo without") == "without\n"


def test_a_server_that_cannot_end_for_a_client_that_reads_no_more_is_replaced(nodes: TmuxLab) -> None:
    with nodes.server_that_cannot_end(SESSION), Node("h1") as node:
        assert node("echo here") == "here\n"
