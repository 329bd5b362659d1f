"""Facts and waiting."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.helper.operations import FACT_GROUPS, Batch, Facts, Wait
from tests.support.helper import carry_out_one, items_of, with_connection

if TYPE_CHECKING:
    from pathlib import Path


def facts(*groups: str) -> dict[str, Any]:
    found: dict[str, Any] = carry_out_one(Facts(groups=groups))["ansible_facts"]
    return found


def test_every_group_has_its_facts(helper: str) -> None:
    from hivectl.helper.facts_index import FACT_NAMES

    found = facts(*FACT_GROUPS)
    # `board` is told by boards alone
    optional = {"distribution_minor_version", "loadavg", "board"}
    if helper != "python":
        # where there is none there is nothing to tell of it
        optional |= {"python", "python_version"}
    missing = {name.removeprefix("ansible_") for name in FACT_NAMES} - set(found) - optional
    assert not missing
    assert not any(name.startswith("ansible_") for name in found)


def test_only_what_is_asked_for_comes() -> None:
    assert set(facts("date_time")) == {"date_time"}
    assert set(facts("env")) == {"env"}


def test_facts_are_true(helper: str) -> None:
    found = facts("platform", "user", "hardware", "env", "python")
    assert found["kernel"] == os.uname().release
    assert found["hostname"] == socket.gethostname().partition(".")[0]
    assert found["real_user_id"] == os.getuid()
    assert found["user_dir"]
    assert found["env"]["PATH"] == os.environ["PATH"]
    assert found["processor_nproc"] == len(os.sched_getaffinity(0))
    assert 0 < found["memfree_mb"] <= found["memtotal_mb"]
    if helper == "python":
        assert found["python"]["version"]["major"] == 3


def test_network_by_ip_and_without_it_agree(
    helper: str, busybox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_ip = facts("network")
    if helper != "python":
        for tool in busybox.iterdir():
            if tool.name != "ip":
                (tmp_path / tool.name).symlink_to(tool)
    monkeypatch.setenv("PATH", str(tmp_path))
    without = facts("network")
    assert with_ip["interfaces"] == without["interfaces"]
    assert with_ip["lo"]["ipv4"]["address"] == without["lo"]["ipv4"]["address"] == "127.0.0.1"
    assert with_ip["lo"]["ipv4"]["netmask"] == without["lo"]["ipv4"]["netmask"]
    assert with_ip["default_ipv4"].get("address") == without["default_ipv4"].get("address")


def test_facts_without_python_are_those_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"uptime_seconds", "loadavg", "memfree_mb", "memory_mb", "swapfree_mb", "mounts", "hostname"}
    groups = tuple(set(FACT_GROUPS) - {"python", "date_time"})
    by_python = facts(*groups)
    monkeypatch.setenv("HIVECTL_TEST_SHELL", "/bin/dash")
    by_sh = facts(*groups)
    differing = {name for name in by_python if by_python[name] != by_sh.get(name)}
    assert differing - changes - {"env"} == set()
    assert [one["mount"] for one in by_python["mounts"]] == [one["mount"] for one in by_sh["mounts"]]
    assert by_python["mounts"][0]["size_total"] == by_sh["mounts"][0]["size_total"]


OWN_FACTS = {
    "plain.fact": '{"a": [1, {"b": null}], "c": "\u00e4"}',
    "number.fact": "5\n",
    "empty.fact": "",
    "sections.fact": "[General]\nName = x y\nPort: 80\n[more]\n",
    "program.fact": "#!/bin/sh\necho '{\"said\": \"'$((1 + 1))'\"}'\necho noise >&2\n",
    "with.dots.fact": "[s]\nk=%%v\n",
    ".hidden.fact": "{}",
    "other.txt": "{}",
}
WRONG_FACTS = {
    "fails.fact": ("#!/bin/sh\necho '{}'\necho why >&2\nexit 3\n", "ended with exit code 3: why"),
    "neither.fact": ("neither of both", "is neither JSON nor INI"),
    "bytes.fact": ("\udcff", "gives what is no UTF-8"),
    "gone.fact": (None, "No such file or directory"),
    "nothing.fact": ("#!/no/such/interpreter\n", "nothing.fact"),
}


@pytest.mark.usefixtures("helper")
def test_the_nodes_own_facts(tmp_path: Path) -> None:
    folder = tmp_path / "facts of mine"
    folder.mkdir()
    wrong = {name: text for name, (text, _) in WRONG_FACTS.items()}
    for name, text in {**OWN_FACTS, **wrong}.items():
        path = folder / name
        if text is None:
            path.symlink_to("nowhere")
            continue
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    told = carry_out_one(Facts(groups=("local",), fact_path=str(folder)))
    found = told["ansible_facts"].pop("local")
    for name, (_, words) in WRONG_FACTS.items():
        assert words in found.pop(name.removesuffix(".fact")), name
    assert found == {
        "plain": {"a": [1, {"b": None}], "c": "\u00e4"},
        "number": 5,
        "empty": {},
        "sections": {"General": {"name": "x y", "port": "80"}, "more": {}},
        "program": {"said": "2"},
        "with.dots": {"s": {"k": "%v"}},
    }
    assert not told["ansible_facts"]
    assert len(told["warnings"]) == len(WRONG_FACTS)
    assert facts("local", "env")["local"] is not None
    none = carry_out_one(Facts(groups=("local",), fact_path=str(tmp_path / "no")))
    assert none["ansible_facts"] == {"local": {}}


@pytest.fixture
def listener() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_waits_for_a_port(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert not carry_out_one(Wait(port=port)).get("failed")
    listener.close()
    assert not carry_out_one(Wait(port=port, state="stopped")).get("failed")
    late = carry_out_one(Wait(port=port, timeout=0.2, sleep=0.05))
    assert late["failed"] is True
    assert late["msg"] == f"Timeout when waiting for 127.0.0.1:{port}"


def test_waits_for_what_a_port_says(listener: socket.socket) -> None:
    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"Open")
            time.sleep(0.1)
            connection.sendall(b"SSH_9.2 ready\n")

    thread = threading.Thread(target=serve)
    thread.start()
    result = carry_out_one(Wait(port=listener.getsockname()[1], search_regex=r"OpenSSH_(\d+)"))
    thread.join()
    assert result["match_groups"] == ["9"]


def test_waits_for_a_path_and_a_text(tmp_path: Path) -> None:
    log = tmp_path / "log"
    timer = threading.Timer(0.2, log.write_text, ["almost\nready: yes\n"])
    timer.start()
    result = carry_out_one(Wait(path=str(log), search_regex="^ready: (?P<word>.*)$", sleep=0.05))
    timer.join()
    assert result["match_groupdict"] == {"word": "yes"}
    assert not carry_out_one(Wait(path=str(log), state="present")).get("failed")
    absent = carry_out_one(Wait(path=str(log), state="absent", timeout=0.1, sleep=0.05, msg="still there"))
    assert (absent["failed"], absent["msg"]) == (True, "still there")


def test_waits_until_connections_are_drained(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        busy = carry_out_one(Wait(port=port, state="drained", timeout=0.1, sleep=0.05))
        assert "to drain" in busy["msg"]
        spared = Wait(port=port, state="drained", timeout=0.1, exclude_hosts=("127.0.0.1",))
        assert not carry_out_one(spared).get("failed")


def test_a_wait_ends_at_once_when_it_is_left() -> None:
    async def work(connection: Any) -> float:
        batch = Batch(run="r", items=items_of([Wait(port=1, timeout=60)]))

        async def wait() -> None:
            async for _ in connection.operate(batch):
                pass

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.3)
        start = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not connection._helpers._sessions[None].closed
        return time.monotonic() - start

    assert with_connection(work) < 2
