"""Hives on real hosts: taken together, shown, used side by side, given back."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from hivectl import AuxHive, Hive, Node
from hivectl.aio import Hive as AsyncHive
from hivectl.client.errors import ClosedError, QuorumError
from hivectl.client.results import RunAllError
from hivectl.model.errors import Complaints, InputError
from hivectl.reservations.base import Asked, Grant, HeldError, ReservationLostError, UnavailableError
from hivectl.store.keys import keep_key
from hivectl.store.opening import open_store
from hivectl.store.reservations import StoredReservations
from tests.support.connections import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.tmux_hosts import TmuxLab

ROOT = Path(__file__).parents[2]


def held() -> dict[str, str]:
    store = open_store(os.environ["HIVECTL_STORE"])
    try:
        return {name: holder.reason for name, holder in StoredReservations(store).holders().items()}
    finally:
        store.close()


def other(nodes: Sequence[str], reason: str = "another's") -> Grant:
    store = open_store(os.environ["HIVECTL_STORE"])
    grant = StoredReservations(store).ask_now(
        Asked(nodes=tuple(nodes), reason=reason, duration=3600.0, time_to_live=None)
    )
    store.close()
    assert isinstance(grant, Grant)
    return grant


def end(grant: Grant) -> None:
    store = open_store(os.environ["HIVECTL_STORE"])
    StoredReservations(store).end_now(grant.reservation, grant.key)
    store.close()


def python(text: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, env=environment, timeout=60, check=False
    )


def test_it_holds_its_nodes_from_the_start_to_the_end(nodes: TmuxLab) -> None:
    with Hive(["h1", "h2"], reason="focus") as hive:
        assert held() == {"h1": "focus", "h2": "focus"}
        assert (len(hive), [node.name for node in hive]) == (2, ["h1", "h2"])
        assert hive.h1 is hive["h1"]
        assert "h1" in hive
        assert hive.h2 in hive
        assert "h3" not in hive
        assert "127.0.0.1" in hive  # by address
        assert hive["127.0.0.1"].name == "h1"
        assert repr(hive) == f"<Hive h1, h2: h1, h2 ({hive.reservation})>"
        assert "<td>h2</td>" in hive._repr_html_()
        with pytest.raises(AttributeError, match=r"h3 is not in this hive.*it has: h1, h2"):
            hive.h3("true")
        with pytest.raises(KeyError):
            hive["h3"]
        assert all(hive.reservation in (host.home / ".hivelock").read_text() for host in nodes.hosts[:2])
    assert held() == {}
    assert repr(hive).startswith("<Hive h1, h2: h1, h2 (closed)")
    with pytest.raises(ClosedError, match="given back already"):
        hive.h1("true")
    hive.close()


def test_all_or_nothing_and_who_holds_it_until_when(nodes: TmuxLab) -> None:
    assert nodes.hosts
    grant = other(["h2"], "calibration")
    with pytest.raises(HeldError, match=r"h2 is held by .*calibration.* until .*wait=True"):
        Hive("all_hosts")
    with pytest.raises(HeldError):
        Hive(["h1", "h2"], wait=0.5)
    assert set(held()) == {"h2"}
    end(grant)
    Hive("all_hosts").close()


def test_a_node_that_does_not_answer_is_not_granted(nodes: TmuxLab) -> None:
    nodes.hosts[1].stop()
    try:
        with pytest.raises(UnavailableError, match=r"^h2 is offline: .* cannot be reached.*quorum=2"):
            Hive("all_hosts")
        assert held() == {}
        # and nobody else is given it, or has to find out anew
        with pytest.raises(UnavailableError, match="h2 is offline"):
            Hive(["h2"])
        with Hive("all_hosts", quorum=2, show=False) as hive:
            assert hive.accepted == ("h1", "h3")
            assert "is offline" in hive.rejected["h2"]
    finally:
        nodes.hosts[1].start()


def test_a_hive_waits_for_its_nodes(nodes: TmuxLab) -> None:
    async def main() -> None:
        grant = other(["h1"])
        waiting = asyncio.ensure_future(AsyncHive("h1", wait=True).open())
        await until(lambda: "h1" in held())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await asyncio.to_thread(end, grant)
        hive = await waiting
        await hive.close()

    assert nodes.hosts
    asyncio.run(main())


def test_it_works_under_the_reservation_that_is_given(
    nodes: TmuxLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nodes.hosts
    grant = other(["h1", "h2"], "mine")
    monkeypatch.setenv("HIVECTL_RESERVATION", f"{grant.reservation}:{grant.key}")
    with Hive(["h1"]) as hive:
        assert hive.reservation == grant.reservation
        assert Node("h2").exec("echo x") == "x\n"
    assert set(held()) == {"h1", "h2"}
    monkeypatch.delenv("HIVECTL_RESERVATION")
    with pytest.raises(HeldError):
        Node("h2").exec("true")
    keep_key(grant.reservation, grant.key)
    with Hive(["h1", "h2"]) as hive:
        assert hive.reservation == grant.reservation
    assert set(held()) == {"h1", "h2"}


def test_a_quorum_takes_what_is_there(
    nodes: TmuxLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = yaml.safe_load(nodes.inventory.read_text())
    inventory["nodes"]["gone"] = {"driver": "ssh", "host": "127.0.0.1", "port": 1, "ssh_config": "none"}
    (tmp_path / "lab.yml").write_text(yaml.safe_dump(inventory))
    monkeypatch.setenv("HIVECTL_INVENTORY", str(tmp_path / "lab.yml"))
    other(["h2"])
    shown = io.StringIO()
    with Hive(["h1", "h2", "h3", "gone"], quorum=2, stream=shown) as hive:
        assert hive.accepted == ("h1", "h3")
        assert list(hive.rejected) == ["h2", "gone"]
        assert "is held by" in hive.rejected["h2"]
        assert set(held()) == {"h1", "h2", "h3"}
        with pytest.raises(AttributeError, match="h2 was rejected: is held by"):
            hive.h2("true")
        assert hive.run_all("echo here", new_shell=True).check() == {"h1": "here\n", "h3": "here\n"}
    assert [line.strip("│ ") for line in shown.getvalue().splitlines()][1:3] == [
        "Node acquired: h1",
        "Node acquired: h3",
    ]
    assert "Quorum: 2/4, 2 asked for" in shown.getvalue()
    assert len({len(line) for line in shown.getvalue().splitlines()}) == 1
    with pytest.raises(QuorumError, match="2 of 4 nodes could be had, the quorum is 3") as raised:
        Hive(["h1", "h2", "h3", "gone"], quorum=3, show=False)
    assert raised.value.accepted == ("h1", "h3")
    assert set(raised.value.rejected) == {"h2", "gone"}
    assert set(held()) == {"h2"}


def test_one_command_on_all_side_by_side_and_one_after_the_other(nodes: TmuxLab) -> None:
    assert nodes.hosts
    with Hive("all_hosts") as hive:
        results = hive.run_all("sleep 0.5; echo $HOME")
        assert [Path(output.strip()).parent.name for output in results.values()] == ["h1", "h2", "h3"]
        hive.h2("sleep 0 & cd /")
        failing = hive.run_all("test $PWD != /")
        assert not failing.ok
        assert repr(failing).splitlines()[2].split() == ["h2", "1"]
        assert "<td>h2</td><td>1</td>" in failing._repr_html_()
        with pytest.raises(RunAllError, match="h2: ended with 1"):
            hive.run_all("test $PWD != /", check=True)
        started = time.monotonic()
        stamps = hive.run_all_seq("date +%s.%N", 0.3, new_shell=True)
        assert time.monotonic() - started > 0.6
        times = [float(output) for output in stamps.values()]
        assert times == sorted(times)
        table = hive.status()
        assert [row["state"] for row in table] == ["ok"] * 3
        assert all("Hive all_hosts" in row["reason"] for row in table)
        assert "load average" in repr(table)


def test_a_stuck_node_delays_no_other(nodes: TmuxLab) -> None:
    async def main() -> None:
        async with AsyncHive("all_hosts") as hive:
            await hive.run_all("true", new_shell=True)
            stuck = asyncio.ensure_future(hive.h1.exec("sleep 60"))
            started = time.monotonic()
            assert await hive.h2.exec("echo quick") == "quick\n"
            assert time.monotonic() - started < 2
            results = await hive.run_all(
                "test $(basename ${HOME%/home}) != h2 || sleep 60", timeout=1.0, new_shell=True
            )
            assert list(results) == ["h1", "h3"]
            with pytest.raises(Exception, match="took longer than 1 s"):
                results["h2"]
            stuck.cancel()

    assert nodes.hosts
    asyncio.run(main())


def test_the_auxiliary_hive_is_what_nobody_holds_now(nodes: TmuxLab) -> None:
    assert nodes.hosts
    aux = AuxHive()
    assert [node.name for node in aux] == ["h1", "h2", "h3"]
    with Hive(["h1", "h2"]):
        assert [node.name for node in aux] == ["h3"]
        assert "h1" not in aux
        assert repr(aux) == "<AuxHive: h3>"
        with pytest.raises(HeldError, match="h1 is held by"):
            aux["h1"]
        free = aux.h3
        assert free.exec("echo mine") == "mine\n"
    grant = other(["h3"])
    with pytest.raises(HeldError, match="h3 is held by"):
        free.exec("true")
    end(grant)
    assert len(aux) == 3
    assert aux.run_all("echo x", new_shell=True).ok
    assert held() == {}
    aux.close()


def test_a_lost_reservation_ends_what_runs_and_all_that_comes(
    nodes: TmuxLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert nodes.hosts
    monkeypatch.setattr("hivectl.engine.holding.RENEW_EVERY", 0.3)

    async def main() -> None:
        hive = await AsyncHive(["h1", "h2"]).open()
        await hive.h1("cd /tmp")
        running = asyncio.ensure_future(hive.h1("sleep 60"))
        await until(lambda: "sleep" in nodes.tmux("list-panes", "-a", "-F", "#{pane_current_command}"))
        store = open_store(os.environ["HIVECTL_STORE"])
        StoredReservations(store).end_now(hive.reservation, None)
        store.close()
        with pytest.raises(ReservationLostError):
            await running
        with pytest.raises(ReservationLostError):
            await hive.h2.exec("true")
        await hive.close()

    asyncio.run(main())


def test_what_is_forgotten_comes_back(nodes: TmuxLab) -> None:
    assert nodes.hosts
    hive = Hive(["h1"])
    hive.h1.exec("true")
    del hive
    gc.collect()
    asyncio.run(until(lambda: held() == {}))


@pytest.mark.parametrize(
    "how", ["hive.h1('true')", "hive.h1('true'); raise SystemExit(3)", "hive.h1.nothing(object())"]
)
def test_the_end_of_the_process_gives_back(nodes: TmuxLab, how: str) -> None:
    done = python(f"from hivectl import Hive\nhive = Hive(['h1'])\n{how}")
    assert "Task was destroyed" not in done.stderr
    assert "never awaited" not in done.stderr
    assert held() == {}, done.stderr
    assert (
        not (nodes.hosts[0].home / ".hivelock").exists()
        or '"token"' in (nodes.hosts[0].home / ".hivelock").read_text()
    )


def test_ctrl_c_cancels_a_call_and_leaves_the_hive_usable(nodes: TmuxLab) -> None:
    assert nodes.hosts
    text = """
import os, signal, threading, time
from hivectl import Hive
with Hive(["h1"]) as hive:
    hive.h1("true")
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    try:
        hive.h1("sleep 60")
    except KeyboardInterrupt:
        print("interrupted", time.monotonic() - started < 10)
    print(hive.h1("echo on"), end="")
"""
    done = python(text)
    assert (done.returncode, done.stdout) == (0, "interrupted True\non\n"), done.stderr


def test_in_a_running_loop_as_notebooks_have_it(nodes: TmuxLab) -> None:
    async def cell() -> str:
        with Hive(["h1"]) as hive:
            return str(hive.h1("echo cell"))

    assert nodes.hosts
    assert asyncio.run(cell()) == "cell\n"


def test_a_forked_child_is_told_so(nodes: TmuxLab) -> None:
    assert nodes.hosts
    text = """
import os, sys, warnings
warnings.simplefilter("ignore")
from hivectl import Hive
hive = Hive(["h1"])
child = os.fork()
if not child:
    try:
        hive.h1("true")
    except Exception as error:
        sys.stdout.write(f"{type(error).__name__}: {error}")
        sys.stdout.flush()
    sys.exit(0)
os.waitpid(child, 0)
sys.stdout.write(hive.h1.exec("echo parent"))
"""
    done = python(text)
    assert done.stdout.startswith("ClosedError: connections do not survive a fork"), done.stderr
    assert done.stdout.endswith("parent\n"), done.stderr


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Hive([]), "no nodes"),
        (lambda: Hive("nobody"), "nobody"),
        (lambda: Hive(["h1"], quorum=2), "quorum of 2 of 1"),
        (lambda: Hive(["h1"], timeout=-1), "timeout=-1 is no time"),
        (lambda: Hive(["h1"], wait="soon"), "wait='soon' is no time"),
        (lambda: Hive(["h1"], wait=1, timeout=1), "leave one out"),
        (lambda: Hive(["h1"], duration="soon"), "duration='soon' is no time"),
        (lambda: Hive(["h1"], priority=11), "priority 11"),
        (lambda: Node("all"), "is 3 nodes"),
        (lambda: Node("10.9.9.9"), "10.9.9.9"),
        (lambda: Hive(["h1"], inventory="/nowhere.yml"), "nowhere"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_before_anything_is_taken(nodes: TmuxLab, make: object, why: str) -> None:
    assert nodes.hosts
    assert callable(make)
    with pytest.raises((InputError, Complaints), match=why):
        make()
    assert held() == {}


def test_it_is_light_to_import_and_lab_is_not_needed_for_it() -> None:
    done = python(
        "import sys, hivectl; print(sorted(m for m in sys.modules if m.startswith('hivectl')), "
        "'asyncio' in sys.modules, hasattr(hivectl, 'nothing'))"
    )
    assert done.stdout == "['hivectl'] False False\n", done.stderr


def test_types_are_told_to_checkers(tmp_path: Path) -> None:
    program = tmp_path / "script.py"
    program.write_text(
        "from hivectl import AuxHive, Hive, Node\n"
        "from hivectl.aio import Hive as Async\n"
        'reveal_type(Hive("x").m1("ls"))\n'
        'reveal_type(Hive("x")["m1"].exec("ls").status)\n'
        'reveal_type(AuxHive().run_all("ls"))\n'
        'reveal_type(Node("m").set_task("a", script="b").wait())\n'
        "async def main() -> None:\n"
        '    async with Async("x") as hive:\n'
        '        reveal_type(await hive.m1("ls"))\n'
        'Hive("x", quorm=3)\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    shown = [
        line.partition("Revealed type is ")[2].strip('"')
        for line in done.stdout.splitlines()
        if "Revealed" in line
    ]
    assert shown == [
        "hivectl.client.output.Output",
        "int | None",
        "hivectl.client.results.Results",
        "int | None",
        "hivectl.client.output.Output",
    ], done.stdout
    assert 'Unexpected keyword argument "quorm"' in done.stdout
