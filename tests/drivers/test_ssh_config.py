from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hivectl.drivers.ssh.attributes import SshAttributes
from hivectl.drivers.ssh.config import blocks_of, look_up
from hivectl.drivers.ssh.settings import settle
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["m1", "m2", "bench1", "m1.lab"]
PATTERNS = st.sampled_from(["*", "m*", "m?", "!m1", "bench1", "*.lab", "m1", "!*.lab", "m1 bench1"])
LINES = st.sampled_from(
    ["Port 2201", "Port=2202", "User pi", "User = root", "HostName %h.example", "HostName 10.0.0.1"]
)
BLOCKS = st.lists(
    st.tuples(
        st.one_of(
            st.lists(PATTERNS, min_size=1, max_size=2).map(lambda p: f"Host {' '.join(p)}"),
            st.sampled_from(
                ["Match all", "Match originalhost m*", "Match host *.example", "Match user pi host m1*"]
            ),
            st.sampled_from(
                ["Match exec true", "Match !exec true", "Match final", "Match originalhost m1,m2 !user pi"]
            ),
        ),
        st.lists(LINES, max_size=3),
    ),
    max_size=4,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(blocks=BLOCKS, name=st.sampled_from(NAMES))
def test_openssh_reads_the_same(tmp_path: Path, blocks: list[tuple[str, list[str]]], name: str) -> None:
    """`ssh -G` prints what OpenSSH makes of a file."""
    config = tmp_path / "config"
    config.write_text(
        "".join(f"{head}\n" + "".join(f"  {line}\n" for line in lines) for head, lines in blocks)
    )
    told = subprocess.run(["ssh", "-G", "-F", config, name], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    theirs = dict(line.split(" ", 1) for line in told.stdout.splitlines() if " " in line)
    ours = settle(SshAttributes(host=name, ssh_config=str(config)), "node")
    assert (ours.host, str(ours.port), ours.user) == (theirs["hostname"], theirs["port"], theirs["user"])


def found(tmp_path: Path, text: str, name: str = "m1") -> dict[str, tuple[str, ...]]:
    (tmp_path / "config").write_text(text)
    return dict(look_up(blocks_of([tmp_path / "config"]), name, user=None, port=None))


def test_identity_files_add_up_and_other_keywords_do_not(tmp_path: Path) -> None:
    text = "Host m1\n IdentityFile a\n Port 1\nHost *\n IdentityFile b\n Port 2\n# comment\n"
    assert found(tmp_path, text) == {"identityfile": ("a", "b"), "port": ("1",)}


def test_included_files_belong_to_their_block(tmp_path: Path) -> None:
    (tmp_path / "one.conf").write_text("Port 1\nHost m2\nUser two\nHost *\nUser any\n")
    text = f"Host m*\n Include {tmp_path}/*.conf\nHost *\n Port 9\n"
    assert found(tmp_path, text) == {"port": ("1",), "user": ("any",)}
    assert found(tmp_path, text, "m2") == {"port": ("1",), "user": ("two",)}
    assert found(tmp_path, text, "bench1") == {"port": ("9",)}


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    assert found(tmp_path, "Port 1\n") == {"port": ("1",)}
    assert found(tmp_path, "Port 22\n") == {"port": ("22",)}


def test_quotes_and_whole_lines(tmp_path: Path) -> None:
    text = 'IdentityFile "~/my keys/id"\nProxyCommand nc -X "%h" %p # part of it\n'
    assert found(tmp_path, text) == {
        "identityfile": ("~/my keys/id",),
        "proxycommand": ('nc -X "%h" %p # part of it',),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Port\n", r"config:1:1: `Port` has no value"),
        ("Host *\nMatch user\n", r"config:2:1: Match user has no value"),
        ("Match colour blue\n", r"config:1:1: Match colour is not supported"),
        ('User "pi\n', r"config:1:1: User"),
    ],
)
def test_a_line_that_makes_no_sense_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        found(tmp_path, text)


def test_a_file_that_includes_itself_ends(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="includes itself"):
        found(tmp_path, f"Include {tmp_path}/config\n")


def test_attributes_win_over_ssh_config(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "Host m1\n Port 1\n User a\n ConnectTimeout 5\n ServerAliveInterval 7\n StrictHostKeyChecking ask\n"
        " ProxyJump you@bench1:99\n UserKnownHostsFile /one /two\n IdentityFile /keys/%h\n"
    )
    config = str(tmp_path / "config")
    plain = settle(SshAttributes(ssh_config=config), "m1")
    assert (plain.port, plain.user, plain.connect_timeout, plain.alive_interval) == (1, "a", 5, 7)
    assert (plain.strict, [str(path) for path in plain.identity_files]) == ("yes", ["/keys/m1"])
    assert [(jump.host, jump.port, jump.user) for jump in plain.jumps] == [("bench1", 99, "you")]
    assert [str(path) for path in plain.known_hosts][:2] == ["/one", "/two"]
    given = settle(
        SshAttributes(
            ssh_config=config, port=2, user="b", connect_timeout=1.5, proxy_jump="none", known_hosts=["/x"]
        ),
        "m1",
    )
    assert (given.port, given.user, given.connect_timeout, given.jumps) == (2, "b", 1.5, ())
    assert [str(path) for path in given.known_hosts] == ["/x"]


def test_several_jumps_and_numeric_addresses() -> None:
    jumps = settle(SshAttributes(ssh_config="none", proxy_jump="a,b@[::1]:2,ssh://c:3"), "m1").jumps
    assert [(jump.host, jump.port) for jump in jumps] == [("a", 22), ("::1", 2), ("c", 3)]
    with pytest.raises(InputError, match="proxy_jump"):
        settle(SshAttributes(ssh_config="none", proxy_jump="a:b"), "m1")
