"""What can go wrong with the lab's store while it is used, and what must not come of it."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import socket
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from hivectl.engine import holding
from hivectl.reservations.base import Asked, Grant
from hivectl.store import postgres as module
from hivectl.store.errors import (
    StoreError,
    StoreLockedError,
    StoreUnreachableError,
    StoreUnwritableError,
    StoreVersionError,
)
from hivectl.store.opening import open_store
from hivectl.store.reservations import StoredReservations
from tests.support.command import Lab, make_lab
from tests.support.postgres import Server, server

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = "version: 1\nnodes:\n  m[1:2]: {{driver: local}}\n  stuck: {{driver: ssh, host: 127.0.0.1, port: {port}}}\n"


def take(location: str, *nodes: str) -> Grant:
    with closing(open_store(location)) as store:
        found = StoredReservations(store).ask_now(Asked(nodes=nodes, duration=600.0, time_to_live=None))
    assert isinstance(found, Grant)
    return found


def test_a_server_of_a_newer_hivectl_is_left_alone(postgres: Server) -> None:
    location = postgres.database()
    open_store(location).close()
    with psycopg.connect(location, autocommit=True) as connection:
        connection.execute("INSERT INTO migration VALUES (999)")
    with pytest.raises(StoreVersionError, match="newer hivectl"):
        open_store(location)


def test_a_server_that_only_reads_is_told(postgres: Server) -> None:
    location = postgres.database()
    grant = take(location, "m1")
    with psycopg.connect(location, autocommit=True) as connection:
        name = location.rpartition("/")[2]
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
        with pytest.raises(StoreUnwritableError, match="read-only"):
            take(location, "m2")
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
    with closing(open_store(location)) as store:
        assert StoredReservations(store).holders()["m1"].reservation == grant.reservation


def test_a_server_that_somebody_keeps_locked_is_told(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.3)
    location = postgres.database()
    with closing(open_store(location)) as store, psycopg.connect(location) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (module.LOCK,))
        with pytest.raises(StoreLockedError, match="locked"):
            StoredReservations(store).ask_now(Asked(nodes=("m1",), duration=60.0))
        other.rollback()
        StoredReservations(store).ask_now(Asked(nodes=("m1",), duration=60.0))


def test_a_client_that_says_no_more_keeps_others_waiting_for_a_moment_only(postgres: Server) -> None:
    location = postgres.database()
    with closing(open_store(location)) as stuck, closing(open_store(location)) as store:
        with stuck.reading() as statements:
            query = "SELECT setting FROM pg_settings WHERE name = ?"
            locked, idle = (
                int(statements.execute(query, (name,)).fetchone()[0])
                for name in ("lock_timeout", "idle_in_transaction_session_timeout")
            )
            assert 0 < idle < locked
            statements.execute("SET idle_in_transaction_session_timeout = 200")
        others = StoredReservations(store)

        def stand_still() -> None:
            with stuck.writing() as statements:
                others.ask_now(Asked(nodes=("m1",), duration=60.0))
                statements.execute("SELECT 1")

        with pytest.raises(StoreError, match="idle"):
            stand_still()
        assert set(StoredReservations(stuck).holders()) == {"m1"}


def keep_running(running: Server) -> None:
    """Start a server that has ended; it refuses as long as processes of the one before still live."""
    if running.process.poll() is not None:
        running.process = subprocess.Popen(
            running.process.args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )


def test_a_server_that_is_killed_and_comes_back_costs_a_run_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(holding, "RENEW_EVERY", 0.1)
    with server() as running:
        location = running.database()
        with closing(open_store(location)) as store:
            reservations = StoredReservations(store)
            lost: list[str] = []

            async def run() -> None:
                claim = holding.Claim(nodes=("m1",), reason="a run")
                async with holding.hold(
                    reservations, claim, emit=lambda _: None, on_loss=lost.append
                ) as held:
                    first = running.process
                    first.kill()
                    first.wait()
                    assert held.grant is not None

                    async def renew_on(grant: Grant) -> None:
                        # the server's process for this connection may answer once more before it ends too
                        for _ in range(1000):
                            await reservations.renew(grant)
                            await asyncio.sleep(0.01)

                    with pytest.raises(StoreUnreachableError, match="cannot be reached"):
                        await renew_on(held.grant)
                    keep_running(running)
                    end = time.monotonic() + 60
                    while True:
                        try:
                            await reservations.renew(held.grant)
                        except StoreUnreachableError:
                            assert time.monotonic() < end
                            keep_running(running)
                            await asyncio.sleep(0.05)
                        else:
                            break
                    assert held.fence("m1") is not None
                    await asyncio.sleep(0.3)

            try:
                asyncio.run(run())
                assert lost == []
                assert reservations.holders() == {}
            finally:
                running.process.send_signal(signal.SIGINT)
                running.process.wait(timeout=30)


def kill_reserve(lab: Lab, chance: random.Random) -> None:
    """Kill `hivectl reserve` somewhere, and see that what it has printed stands, and nothing half."""
    running = lab.start("reserve", "m1,m2", "--for", "10m", "--no-look", "--output", "json")
    try:
        output, _ = running.communicate(timeout=chance.uniform(0.1, 1.5))
    except subprocess.TimeoutExpired:
        running.kill()
        output, _ = running.communicate()
    with closing(open_store(str(lab.folder / "state" / "lab.db"))) as store:
        reservations = StoredReservations(store)
        held = reservations.holders()
        assert set(held) in (set(), {"m1", "m2"})
        if "token" in output and output.rstrip().endswith("}"):
            made: dict[str, Any] = json.loads(output)
            assert {holder.reservation for holder in held.values()} == {made["id"]}
        for identity in {holder.reservation for holder in held.values()}:
            reservations.end_now(identity, None)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path, INVENTORY.format(port=1))


def test_reserve_killed_at_any_moment_leaves_nothing_half(lab: Lab) -> None:
    chance = random.Random(3)
    for _ in range(6):
        kill_reserve(lab, chance)


@pytest.mark.soak
def test_reserve_killed_at_any_moment_leaves_nothing_half_for_long(lab: Lab) -> None:
    chance = random.Random(4)
    for _ in range(60):
        kill_reserve(lab, chance)


def test_a_stuck_node_delays_nothing_on_others(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        lab = make_lab(tmp_path, INVENTORY.format(port=silent.getsockname()[1]))
        hanging = lab.start("exec", "stuck", "--", "true")
        try:
            # it has reserved the node, and is at it
            connection, _ = silent.accept()
            with connection:
                began = time.monotonic()
                assert lab.run("reserve", "m1", "--for", "1m").returncode == 0
                shown = json.loads(lab.run("status", "--output", "json").stdout)["items"]
                assert {item["node"]: bool(item["holder"]) for item in shown} == {
                    "m1": True,
                    "m2": False,
                    "stuck": True,
                }
                assert lab.run("exec", "m2", "--", "echo", "hi").stdout == "hi\n"
                assert hanging.poll() is None or time.monotonic() - began > 10
        finally:
            hanging.kill()
            hanging.communicate()


def test_a_store_that_cannot_be_written_is_told_by_the_command(lab: Lab) -> None:
    (lab.folder / "file").touch()
    done = lab.run("reserve", "m1", HIVECTL_STORE=str(lab.folder / "file" / "lab.db"))
    assert done.returncode == 3
    assert "cannot write the lab's store" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_inventorys_store_comes_first_and_that_is_said(lab: Lab) -> None:
    lab.write("lab.yml", "version: 1\nnodes: {m1: {driver: local}}\nstore: own.db\n")
    own = str(lab.folder / "own.db")
    done = lab.run("status", "-i", "lab.yml", HIVECTL_STORE="postgresql://ann:secret@db/x")
    assert done.stderr == (
        "warning: HIVECTL_STORE (postgresql://db/x) does not count here: the inventory names the lab's store, "
        f"{own}\n"
    )
    assert (lab.folder / "own.db").exists()
    assert lab.run("status", "-i", "lab.yml", HIVECTL_STORE=own).stderr == ""
    assert lab.run("status", "-i", "lab.yml", HIVECTL_STORE="").stderr == ""
