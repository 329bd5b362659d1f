"""A node's power, by relays that answer as the real ones do, by commands, by uhubctl."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.command import Lab, make_lab
from tests.support.relays import device
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ["gen1", "gen2", "tasmota"]
PASSWORD = "correct horse"  # of a relay in this file


def backend(kind: str) -> str:
    return "tasmota" if kind == "tasmota" else "shelly"


def relay_lab(folder: Path, kind: str, host: str, *, outlet: int = 1, password: bool = False) -> Lab:
    secret = ", password: !env RELAY" if password else ""
    power = f"{{backend: {backend(kind)}, host: '{host}', outlet: {outlet}{secret}}}"
    return make_lab(folder, f"version: 1\nnodes:\n  m1: {{driver: local, power: {power}}}\n")


def play(lab: Lab, state: str, *options: str, command: str = "apply", more: str = "") -> str:
    lab.write("power.yml", f"- hosts: all\n  tasks:\n    - power: {{state: {state}{more}}}\n")
    done = lab.run(command, "power.yml", *options, RELAY=PASSWORD)
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("password", [False, True])
def test_relays_are_switched_once_and_cycled(kind: str, *, password: bool, tmp_path: Path) -> None:
    with device(kind, PASSWORD if password else None) as relay:
        lab = relay_lab(tmp_path, kind, relay.host, password=password)
        assert "power off → on" in play(lab, "on", "--diff") or relay.on[1]
        assert relay.switched == [True]
        assert "nothing changed" in play(lab, "on")
        assert relay.switched == [True]
        play(lab, "cycle", more=", off_for: 0.1")
        assert relay.switched == [True, False, True]
        assert play(lab, "off").startswith("0")
        assert not relay.on[1]
        assert relay.on[0] is False
        assert "nothing changed" in play(lab, "read")


def test_plan_switches_nothing(tmp_path: Path) -> None:
    with device("gen2") as relay:
        lab = relay_lab(tmp_path, "gen2", relay.host)
        shown = play(lab, "on", command="plan")
        assert "1 change" in shown or "changed" in shown
        assert relay.switched == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_is_told_and_never_shown(kind: str, tmp_path: Path) -> None:
    with device(kind, "another") as relay:
        lab = relay_lab(tmp_path, kind, relay.host, password=True)
        shown = play(lab, "on")
        assert shown.startswith("1")
        assert "refuses the login (correct `password:`" in shown
        assert PASSWORD not in shown
        assert relay.switched == []


def test_a_relay_that_does_not_follow_is_told(tmp_path: Path) -> None:
    with device("gen2") as relay:
        relay.stuck = True
        shown = play(relay_lab(tmp_path, "gen2", relay.host), "on")
        assert shown.startswith("1")
        assert "told to turn it on, but it is still off" in shown


def test_a_relay_that_is_not_there_is_told(tmp_path: Path) -> None:
    shown = play(relay_lab(tmp_path, "gen2", "127.0.0.1:1"), "on")
    assert shown.startswith("1")
    assert "127.0.0.1:1 cannot be asked: Connect call failed" in shown or "refused" in shown.lower()


def test_what_is_no_such_device_is_told(tmp_path: Path) -> None:
    with device("tasmota") as relay:
        shown = play(relay_lab(tmp_path, "tasmota", relay.host, outlet=7), "on")
        assert "does not say whether relay 7 is on" in shown


COMMAND = """\
version: 1
nodes:
  bench: {{driver: local}}
  m1:
    driver: local
    power:
      backend: command
      turn_on: [sh, -c, "echo on > {folder}/{{{{ name }}}}.state; echo on >> {folder}/log"]
      turn_off: [sh, -c, "echo off > {folder}/{{{{ name }}}}.state; echo off >> {folder}/log; sleep {lasts}"]
      read: [cat, "{folder}/{{{{ name }}}}.state"]
      on: bench
"""


def command_lab(folder: Path, lasts: float = 0) -> Lab:
    """Return a lab whose switch is commands; to turn off takes so many seconds."""
    (folder / "m1.state").write_text("off\n")
    return make_lab(folder, COMMAND.format(folder=folder, lasts=lasts))


def test_commands_switch_on_another_node(tmp_path: Path) -> None:
    lab = command_lab(tmp_path)
    lab.write("power.yml", "- hosts: m1\n  tasks:\n    - power: {state: on}\n")
    for _ in range(2):
        assert lab.run("apply", "power.yml").returncode == 0
    assert (tmp_path / "log").read_text() == "on\n"
    (tmp_path / "m1.state").write_text("perhaps\n")
    assert "neither on nor off" in lab.run("apply", "power.yml").stdout


@pytest.mark.parametrize("lasts", [0, 20], ids=["while-off", "while-it-turns-off"])
def test_a_cycle_that_is_interrupted_leaves_the_node_on(tmp_path: Path, lasts: float) -> None:
    lab = command_lab(tmp_path, lasts)
    lab.write("power.yml", "- hosts: m1\n  tasks:\n    - power: {state: cycle, off_for: 60s}\n")
    running = lab.start("apply", "power.yml")
    log = tmp_path / "log"
    wait_until(lambda: log.exists() and log.read_text() == "off\n")
    os.kill(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, out + err
    assert log.read_text() == "off\non\n"


UHUBCTL = """\
#!/bin/sh
# answers in the form of uhubctl's README
state="$0.state"
case "$*" in
  *"-a on"*) echo "0103 power enable connect [2e8a:0005 MicroPython Board in FS mode e6614104]" > "$state" ;;
  *"-a off"*) echo "0000 off" > "$state" ;;
esac
echo "Current status for hub 1-1.4 [2109:2817 VIA Labs, Inc. USB2.0 Hub, USB 2.10, 4 ports, ppps]"
echo "  Port 1: 0100 power"
echo "  Port 2: $(cat "$state")"
"""


def test_a_hub_port_is_switched_by_uhubctl(tmp_path: Path) -> None:
    power = "{backend: uhubctl, hub: 1-1.4, port: 2}"
    lab = make_lab(tmp_path, f"version: 1\nnodes:\n  m1: {{driver: local, power: {power}}}\n")
    (tmp_path / "bin").mkdir()
    lab.write("power.yml", "- hosts: all\n  tasks:\n    - power: {state: off}\n")
    # the login's shell finds sh and the rest, but no uhubctl
    missing = lab.run("apply", "power.yml", PATH="/usr/bin:/bin")
    assert "there is no uhubctl on this machine" in missing.stdout
    program = lab.write("bin/uhubctl", UHUBCTL)
    program.chmod(0o755)
    (tmp_path / "bin/uhubctl.state").write_text("0103 power enable connect [2e8a:0005 power off]\n")
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    assert lab.run("apply", "power.yml", PATH=path).returncode == 0
    assert (tmp_path / "bin/uhubctl.state").read_text() == "0000 off\n"
    assert "nothing changed" in lab.run("apply", "power.yml", PATH=path).stdout


@pytest.mark.parametrize(
    ("power", "told"),
    [
        ("{backend: shely, host: x}", 'there is no power backend "shely"'),
        ("{backend: shelly}", 'needs "host"'),
        ("{backend: shelly, hots: x, host: y}", 'there is no key "hots"'),
        ("{host: x}", '"backend" is missing'),
        ("on", "a mapping: backend"),
    ],
)
def test_mistakes_are_found_offline(power: str, told: str, tmp_path: Path) -> None:
    lab = make_lab(tmp_path, f"version: 1\nnodes:\n  m1: {{driver: local, power: {power}}}\n")
    done = lab.run("validate", "inventory/lab.yml")
    assert done.returncode == 3
    assert told in done.stderr
    assert "lab.yml:3:" in done.stderr


def test_a_node_without_power_says_what_to_write(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "version: 1\nnodes:\n  m1: {driver: local}\n")
    assert play(lab, "on").startswith("3\nerror: m1: the inventory does not say how power is switched")
