"""Nodes that cannot be reached: exit 4, one reason for each, in time, and the other nodes are done."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import make_lab
from tests.support.sshd import new_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.command import Lab
    from tests.support.inside import Inside, Said
    from tests.support.sshd import Sshd

PLAYBOOK = """\
- hosts: all
  tasks:
    - name: Work
      command: touch ~/touched
    - name: More
      command: "true"
"""


def lab_of(folder: Path, good: Sshd, **bad: Any) -> Lab:
    """Make a lab of a host that is well, `well`, and one that is not, `ill`: the same with other attributes."""
    attributes = {"driver": "ssh", **good.attributes}
    nodes = {"well": attributes, "ill": {**attributes, **bad}}
    lab = make_lab(folder, json.dumps({"version": 1, "nodes": nodes}))
    lab.write("site.yml", PLAYBOOK)
    return lab


def assert_unreachable(said: Said, good: Sshd, *words: str) -> None:
    assert said.code == 4, said.told
    assert "Traceback" not in said.told
    assert len(re.findall(r"^unreachable +ill", said.stdout, re.MULTILINE)) == 1, said.stdout
    assert re.search(r"^changed +well +Work", said.stdout, re.MULTILINE), said.stdout
    assert (good.home / "touched").exists()
    for word in words:
        assert said.stdout.count(word) == 1, f"{word!r} is not once in: {said.stdout}"


@contextmanager
def silent_server(*, accept: bool) -> Iterator[int]:
    """Give the port of a server that accepts and says nothing, or whose queue is full so that it does not even that."""
    with socket.socket() as server, socket.socket() as first:
        server.bind(("127.0.0.1", 0))
        server.listen(0 if not accept else 5)
        if not accept:
            first.connect(server.getsockname())
        yield server.getsockname()[1]


def test_a_host_with_another_key(tmp_path: Path, sshd_host: Sshd, inside: Inside) -> None:
    known = tmp_path / "other_known_hosts"
    other = new_key(tmp_path / "other_key")
    known.write_text(f"[127.0.0.1]:{sshd_host.port} {other}\n")
    lab = lab_of(tmp_path, sshd_host, known_hosts=str(known))
    assert_unreachable(inside(lab, "apply", "site.yml"), sshd_host, "has CHANGED", "ssh-keygen -R")
    assert known.read_text().count("\n") == 1


def test_a_host_that_refuses_the_login(tmp_path: Path, sshd_host: Sshd, inside: Inside) -> None:
    new_key(tmp_path / "stranger")
    lab = lab_of(tmp_path, sshd_host, identity_file=str(tmp_path / "stranger"), identities_only=True)
    assert_unreachable(inside(lab, "apply", "site.yml"), sshd_host, "refused the login")


def test_a_host_that_is_down(tmp_path: Path, sshd_hosts: Callable[..., list[Sshd]], inside: Inside) -> None:
    good, down = sshd_hosts(2)
    down.stop()
    lab = lab_of(tmp_path, good, **down.attributes)
    assert_unreachable(inside(lab, "apply", "site.yml"), good, "nothing listens there")


@pytest.mark.parametrize("accept", [True, False])
def test_a_host_that_says_nothing(tmp_path: Path, sshd_host: Sshd, inside: Inside, *, accept: bool) -> None:
    with silent_server(accept=accept) as port:
        lab = lab_of(tmp_path, sshd_host, port=port, connect_timeout=1)
        began = time.monotonic()
        said = inside(lab, "apply", "site.yml")
        assert_unreachable(said, sshd_host, "within 1 s")
        assert time.monotonic() - began < 6


def test_a_name_that_nobody_knows(tmp_path: Path, sshd_host: Sshd, inside: Inside) -> None:
    lab = lab_of(tmp_path, sshd_host, host="no-such-host.invalid")
    assert_unreachable(inside(lab, "apply", "site.yml"), sshd_host, "no-such-host.invalid")


def test_a_host_that_is_no_ssh_server(tmp_path: Path, sshd_host: Sshd, inside: Inside) -> None:
    import threading

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50)

        thread = threading.Thread(target=serve)
        thread.start()
        lab = lab_of(tmp_path, sshd_host, port=server.getsockname()[1], connect_timeout=2)
        began = time.monotonic()
        assert_unreachable(inside(lab, "apply", "site.yml"), sshd_host, "127.0.0.1")
        assert time.monotonic() - began < 6
        thread.join()


def test_a_failure_and_an_unreachable_node_are_4(tmp_path: Path, sshd_host: Sshd, inside: Inside) -> None:
    lab = lab_of(tmp_path, sshd_host, port=1)
    lab.write("site.yml", "- hosts: all\n  tasks:\n    - command: 'false'\n")
    said = inside(lab, "apply", "site.yml")
    assert said.code == 4
    assert "failed" in said.stdout


def test_a_host_that_comes_back_is_done_by_resuming(
    tmp_path: Path, sshd_hosts: Callable[..., list[Sshd]], inside: Inside
) -> None:
    good, ill = sshd_hosts(2)
    ill.stop()
    lab = lab_of(tmp_path, good, **ill.attributes)
    lab.write("site.yml", "- hosts: all\n  tasks:\n    - shell: echo ran >> ~/count\n")
    said = inside(lab, "apply", "site.yml")
    assert said.code == 4
    [run] = set(re.findall(r"--resume (\S+)", said.stdout))
    ill.start()
    again = inside(lab, "apply", "--resume", run)
    assert again.code == 0, again.told
    assert [(host.home / "count").read_text() for host in (good, ill)] == ["ran\n", "ran\n"]


@pytest.mark.parametrize(
    "tasks",
    [
        "gather_facts: true, tasks: [{command: touch touched}]",
        "tasks: [{meta: reset_connection}, {command: touch touched}]",
        "tasks: [{fetch: {src: /etc/hostname, dest: got/}}, {command: touch touched}]",
        "tasks: [{debug: {msg: '{{ ansible_hostname }}'}}, {command: touch touched}]",
        "tasks: [{raw: 'true'}, {command: touch touched}]",
        "tasks: [{command: 'true', until: r.rc == 0, register: r, delay: 0}, {command: touch touched}]",
    ],
)
@pytest.mark.parametrize(
    ("bad", "word", "code"),
    [
        ({"host": "{{ sit }}"}, 'the variable "sit" is not defined', 3),
        ({"python": "/no/such/python"}, "/no/such/python", 1),
        ({"port": 1}, "nothing listens there", 4),
    ],
)
def test_one_bad_node_stops_no_other(
    tmp_path: Path, sshd_host: Sshd, inside: Inside, tasks: str, bad: dict[str, Any], word: str, code: int
) -> None:
    lab = lab_of(tmp_path, sshd_host, **bad)
    lab.write("site.yml", f"- {{hosts: all, {tasks}}}\n")
    said = inside(lab, "apply", "site.yml")
    assert said.code == code, said.told
    assert word in said.stdout
    assert "Traceback" not in said.told
    assert "stands for up to a minute" not in said.told  # nothing was locked
    assert (sshd_host.home / "touched").exists()
