"""`hivectl reserve`, `release`, `extend`, `quarantine` and what they mean for other commands, as a user meets them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import PROGRAM, Lab, make_lab
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess, Popen

# far from now: what is held for two hours must have ended by then
NIGHT = (datetime.now(UTC).hour + 12) % 24
INVENTORY = """\
version: 1
longest: 4h
nodes:
  m[1:3]: {driver: local, labels: {kind: microscope}, on_release: {playbook: ../clean.yml, within: 20s}}
  far: {driver: ssh, host: 127.0.0.1, port: 1, labels: {kind: remote}}
hives:
  hive1: {nodes: [m1, m2]}
reservations:
  nightly: {select: hive1, count: 1, for: 2h, at: "0 NIGHT * * *", reason: regression, priority: 7}
""".replace("NIGHT", str(NIGHT))
CLEAN = "- hosts: all\n  tasks:\n    - shell: {command}\n"
NODE = "{{ inventory_hostname }}"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = make_lab(tmp_path, INVENTORY)
    made.write("clean.yml", CLEAN.format(command=f"echo {NODE} >> {tmp_path}/cleaned"))
    made.write("touch.yml", "- hosts: m1\n  tasks:\n    - copy: {content: x, dest: ~/x}\n")
    return made


def reserve(lab: Lab, *arguments: str, **more: str) -> dict[str, Any]:
    done = lab.run("reserve", *arguments, "--output", "json", **more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def nodes(lab: Lab) -> dict[str, dict[str, Any]]:
    items = json.loads(lab.run("status", "--output", "json").stdout)["items"]
    return {item["node"]: item for item in items}


def elsewhere(lab: Lab, *arguments: str, **more: str) -> CompletedProcess[str]:
    """Run a command as somebody with another home, who has no token."""
    (lab.folder / "other").mkdir(exist_ok=True)
    return lab.run(*arguments, HOME=str(lab.folder / "other"), **more)


def test_what_is_reserved_is_mine_and_nobody_elses(lab: Lab) -> None:
    made = reserve(lab, "hive1", "--for", "1h", "--reason", "calibration")
    assert made["nodes"] == ["m1", "m2"]
    assert made["state"] == "held"
    shown = nodes(lab)
    assert shown["m1"]["reason"] == "calibration"
    assert shown["m1"]["reservation"] == made["id"]
    assert shown["m3"]["holder"] is None
    # my own commands work under it; others are told who holds what until when, and exit 5
    assert lab.run("exec", "m1", "--", "echo", "hi").stdout == "hi\n"
    assert lab.run("apply", "touch.yml").returncode == 0
    assert nodes(lab)["m1"]["reservation"] == made["id"]
    refused = elsewhere(lab, "exec", "m1", "--", "echo", "hi")
    assert refused.returncode == 5
    assert "m1 is held by" in refused.stderr
    assert "(calibration) until" in refused.stderr
    given = made["environment"]["HIVECTL_RESERVATION"]
    assert elsewhere(lab, "exec", "m1", "--", "echo", "hi", HIVECTL_RESERVATION=given).stdout == "hi\n"
    assert elsewhere(lab, "apply", "touch.yml", "--reservation", given).returncode == 0


def test_the_token_is_shown_once_and_kept_to_oneself(lab: Lab) -> None:
    made = reserve(lab, "m1", "--for", "1h")
    kept = lab.folder / f"home/.local/state/hivectl/reservations/{made['id']}"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.read_text() == made["token"]
    for command in (["status", "-o", "json"], ["reservations", "-o", "json"], ["runs", "-o", "json"]):
        done = lab.run(*command)
        assert made["token"] not in done.stdout + done.stderr
    assert made["token"].encode() not in (lab.folder / "state/lab.db").read_bytes()


def test_only_the_owner_gives_back_and_extends(lab: Lab) -> None:
    made = reserve(lab, "m1", "--for", "1h")
    for command in (["release", made["id"]], ["extend", made["id"], "--for", "10m"]):
        done = elsewhere(lab, *command)
        assert done.returncode == 3
        assert "the token of reservation" in done.stderr
        done = elsewhere(lab, command[0], f"{made['id']}:guess", *command[2:])
        assert done.returncode == 5
        assert "not its token" in done.stderr
    assert lab.run("extend", made["id"], "--for", "10m").returncode == 0
    long = lab.run("extend", made["id"], "--for", "5h")
    assert long.returncode == 3
    assert "the lab gives 4 h" in long.stderr
    assert lab.run("release", made["id"]).returncode == 0
    again = lab.run("release", f"{made['id']}:{made['token']}")
    assert again.returncode == 3
    assert "there is no reservation" in again.stderr


def test_nodes_are_cleaned_up_before_they_are_free(lab: Lab) -> None:
    made = reserve(lab, "hive1", "--for", "1h")
    done = lab.run("release", made["id"])
    assert done.returncode == 0, done.stderr
    assert sorted((lab.folder / "cleaned").read_text().split()) == ["m1", "m2"]
    # a run of one's own is no reservation to clean up after
    lab.run("apply", "touch.yml")
    assert len((lab.folder / "cleaned").read_text().split()) == 2


def test_a_node_that_cannot_be_cleaned_up_is_quarantined(lab: Lab) -> None:
    lab.write("clean.yml", CLEAN.format(command=f"test {NODE} != m1"))
    made = reserve(lab, "hive1", "--for", "1h")
    done = lab.run("release", made["id"])
    assert "m1: quarantined: clean.yml: a step failed" in done.stderr
    shown = nodes(lab)
    assert shown["m1"]["health"] == "quarantined"
    assert shown["m2"]["health"] == "healthy"
    refused = lab.run("apply", "touch.yml")
    assert refused.returncode == 5
    assert "m1 is quarantined by clean-up: clean.yml" in refused.stderr
    assert lab.run("unquarantine", "m1").returncode == 0
    assert lab.run("apply", "touch.yml").returncode == 0


def test_a_clean_up_that_is_not_there_is_told_before_anything_is_quarantined(lab: Lab) -> None:
    (lab.folder / "clean.yml").unlink()
    for command in (["validate", "inventory/lab.yml"], ["reserve", "m1"]):
        done = lab.run(*command)
        assert done.returncode == 3
        assert "on_release: there is no playbook" in done.stderr
        assert "lab.yml:4:" in done.stderr


@pytest.mark.parametrize("given", [":", "r1234abcd:", ":token"])
def test_half_a_token_is_told(given: str, lab: Lab) -> None:
    done = lab.run("apply", "touch.yml", HIVECTL_RESERVATION=given)
    assert done.returncode == 3
    assert "names no reservation" in done.stderr


def test_what_is_no_reservation_is_told(lab: Lab) -> None:
    made = reserve(lab, "m1", "--for", "1h")
    strange = lab.run("release", "r00000000")
    assert (strange.returncode, "there is no reservation r00000000" in strange.stderr) == (3, True), (
        strange.stderr
    )
    node = lab.run("extend", "m1", "--for", "5m")
    assert (node.returncode, "m1 is a node, not a reservation" in node.stderr) == (3, True), node.stderr
    assert made["id"] in node.stderr
    assert "the token of reservation" in elsewhere(lab, "release", made["id"]).stderr


def test_a_clean_up_that_hangs_ends_at_its_time(lab: Lab) -> None:
    lab.write("inventory/lab.yml", INVENTORY.replace("within: 20s", "within: 1s"))
    lab.write("clean.yml", CLEAN.format(command="sleep 60"))
    made = reserve(lab, "m1", "--for", "1h")
    begun = time.monotonic()
    done = lab.run("release", made["id"])
    assert time.monotonic() - begun < 30
    assert "did not finish within 1 s" in done.stderr
    assert nodes(lab)["m1"]["health"] == "quarantined"


def held(lab: Lab, *arguments: str) -> Popen[str]:
    """Start a command that holds m1, and wait until it does."""
    running = lab.start("reserve", "m1", "--heartbeat", *arguments)
    wait_until(lambda: nodes(lab)["m1"]["holder"])
    return running


def test_a_command_holds_nodes_while_it_lives(lab: Lab) -> None:
    done = lab.run(
        "reserve", "m1", "--heartbeat", "--", "sh", "-c", "echo ours: $HIVECTL_RESERVATION; exit 7"
    )
    assert done.returncode == 7, done.stderr
    assert done.stdout.startswith("ours: r")
    assert nodes(lab)["m1"]["holder"] is None
    assert (lab.folder / "cleaned").read_text() == "m1\n"
    assert not list((lab.folder / "home/.local/state/hivectl/reservations").iterdir())


def test_a_command_that_went_on_behind_the_end_of_its_reservation_has_not_gone_well(lab: Lab) -> None:
    done = lab.run(
        *("reserve", "m1", "--heartbeat", "--", "sh", "-c"),
        'eval "$PROGRAM release --force ${HIVECTL_RESERVATION%%:*}"',
        PROGRAM=shlex.join(PROGRAM),
    )
    assert done.returncode == 5, done.stderr
    assert "it expired or an admin ended it" in done.stderr


def test_a_killed_holder_frees_its_nodes_and_the_next_one_cleans_up(lab: Lab) -> None:
    running = held(lab)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate(timeout=30)
    assert not (lab.folder / "cleaned").exists()
    assert elsewhere(lab, "exec", "m1", "--", "echo", "hi").stdout == "hi\n"
    assert (lab.folder / "cleaned").read_text() == "m1\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_holder_that_is_stopped_cleans_up_itself(lab: Lab, number: signal.Signals, code: int) -> None:
    running = held(lab, "--", "sh", "-c", f"touch {lab.folder}/began; exec sleep 60")
    # who is stopped before it was handed over gives back what nobody has used
    wait_until((lab.folder / "began").exists)
    os.kill(running.pid, number)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == code, errors
    assert (lab.folder / "cleaned").read_text() == "m1\n"
    assert nodes(lab)["m1"]["holder"] is None


def test_who_waits_is_told_for_whom_and_gets_it(lab: Lab) -> None:
    made = reserve(lab, "m1", "--for", "1h", "--reason", "long")
    late = lab.run("reserve", "m1", "--for", "1h", "--timeout", "1s")
    assert late.returncode == 5
    assert "waiting: m1 is held by" in late.stderr
    assert "1 in the queue; free by" in late.stderr
    assert "waited for 1 s" in late.stderr
    waiting = lab.start("reserve", "m1", "--for", "1h", "--wait", "--reason", "next")
    wait_until(lambda: nodes(lab)["m1"]["queue"])
    listed = json.loads(lab.run("reservations", "-o", "json").stdout)["items"]
    assert [(item["state"], item["reason"]) for item in listed] == [("held", "long"), ("waiting", "next")]
    lab.run("release", made["id"])
    _, errors = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, errors
    assert nodes(lab)["m1"]["reason"] == "next"


def test_who_stops_waiting_leaves_the_queue(lab: Lab) -> None:
    reserve(lab, "m1", "--for", "1h")
    waiting = lab.start("reserve", "m1", "--for", "1h", "--wait")
    wait_until(lambda: nodes(lab)["m1"]["queue"])
    os.kill(waiting.pid, signal.SIGINT)
    waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert nodes(lab)["m1"]["queue"] is None


def test_a_node_that_does_not_answer_is_never_handed_over(lab: Lab) -> None:
    refused = lab.run("reserve", "far", "--for", "1h")
    assert refused.returncode == 5
    assert "far is offline: 127.0.0.1:1" in refused.stderr
    assert nodes(lab)["far"]["health"] == "offline"
    made = reserve(lab, "far:m3", "--count", "1", "--for", "1h")
    assert made["nodes"] == ["m3"]


def test_times_are_told_in_the_zone_in_which_they_were_asked_for(lab: Lab) -> None:
    day = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
    done = lab.run("reserve", "m1", "--at", f"{day} 14:00", "--for", "1h", TZ="LAB-3")
    assert f"from {day} 14:00 LAB until {day} 15:00 LAB" in done.stdout, done
    clash = lab.run("reserve", "m1", "--at", f"{day} 11:30Z", "--for", "1h")
    assert f"m1 from {day} 11:00 UTC to {day} 12:00 UTC" in clash.stderr, clash


def test_standing_reservations_are_taken_and_booked_by_name(lab: Lab) -> None:
    made = reserve(lab, "nightly")
    assert made["nodes"] == ["m1"]
    booked = reserve(lab, "nightly", "--at", "next")
    assert booked["state"] == "booked"
    assert booked["starts"].endswith(f"T{NIGHT:02}:00:00+00:00")
    listed = {
        item["state"]: item for item in json.loads(lab.run("reservations", "-o", "json").stdout)["items"]
    }
    assert listed["booked"]["priority"] == 7
    assert listed["booked"]["reason"] == "regression"
    clash = lab.run("reserve", "hive1", "--at", booked["starts"], "--for", "30m")
    assert clash.returncode == 5
    assert "booked already" in clash.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody"], "nobody"),
        (["kind=telescope"], "telescope"),
        (["m1", "--for", "-2h"], "is no time"),
        (["m1", "--for", "0"], "longer than 0 s"),
        (["m1", "--for", "1000000d"], "this lab gives"),
        (["m1", "--for", "5h"], "4 h"),
        (["m1", "--for", "1h", "--at", "2020-01-01 10:00"], "is over"),
        (["m1", "--at", "tomorrowish"], "is no time"),
        (["hive1", "--count", "3"], "3 of 2"),
        (["m1", "--at", "next"], "for reservations of the inventory"),
        (["m1", "--heartbeat", "--at", "+1h", "--for", "1h"], "stands for its time"),
        (["m1", "--", "true"], "only with --heartbeat"),
        (["m1", "--heartbeat", "--", "no-such-program"], "cannot start no-such-program"),
    ],
)
def test_what_cannot_be_is_told(arguments: list[str], told: str, lab: Lab) -> None:
    done = lab.run("reserve", *arguments)
    assert done.returncode == 3, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(item["holder"] for item in nodes(lab).values())


def test_quarantine_needs_a_reason_and_shows_it(lab: Lab) -> None:
    assert lab.run("quarantine", "m2").returncode == 3
    assert lab.run("quarantine", "m2", "--reason", "lens is cracked").returncode == 0
    refused = lab.run("reserve", "hive1")
    assert refused.returncode == 5
    assert "lens is cracked" in refused.stderr
    assert "lens is cracked" in lab.run("status").stdout
    assert lab.run("unquarantine", "m2").returncode == 0
    assert reserve(lab, "hive1")["nodes"] == ["m1", "m2"]


def test_the_free_are_those_that_nobody_holds(lab: Lab) -> None:
    reserve(lab, "m1", "--for", "1h")
    listed = lab.run("inventory", "list", "free:!far", "-o", "json")
    assert [item["node"] for item in json.loads(listed.stdout)["items"]] == ["m2", "m3"]
    assert reserve(lab, "free:!far", "--for", "1h")["nodes"] == ["m2", "m3"]


def test_an_admin_ends_what_is_anothers(lab: Lab) -> None:
    made = reserve(lab, "m1", "--for", "1h")
    done = elsewhere(lab, "release", made["id"], "--force")
    assert done.returncode == 0, done.stderr
    assert nodes(lab)["m1"]["holder"] is None


def test_watching_shows_what_changes(lab: Lab) -> None:
    watching = lab.start("status", "m1", "--watch")
    try:
        assert watching.stdout is not None
        first = watching.stdout.readline()
        reserve(lab, "m1", "--for", "1h", "--reason", "seen")
        text = ""
        while "seen" not in text:
            text += watching.stdout.readline()
        assert first
    finally:
        os.kill(watching.pid, signal.SIGINT)
        watching.communicate(timeout=30)
    assert watching.returncode == 130


def test_a_run_is_warned_before_the_end_and_stops_at_it(lab: Lab) -> None:
    lab.write(
        "long.yml",
        "- hosts: m1\n  tasks:\n    - command: sleep 50\n    - copy: {content: x, dest: ~/after}\n",
    )
    made = reserve(lab, "m1", "--for", "4s")
    begun = time.monotonic()
    done = lab.run("apply", "long.yml")
    # far from the next renewal, and from the end of the command
    assert time.monotonic() - begun < 12
    assert done.returncode == 5, done.stdout + done.stderr
    assert f"reservation {made['id']} ends at" in done.stdout + done.stderr
    assert f"hivectl extend {made['id']} --for 30m" in done.stdout + done.stderr
    assert not (lab.folder / "home/after").exists()


def test_a_run_whose_reservation_is_extended_goes_on(lab: Lab) -> None:
    lab.write(
        "long.yml",
        "- hosts: m1\n  tasks:\n    - shell: touch ~/began; until [ -e ~/go ]; do sleep 0.1; done\n"
        "    - copy: {content: x, dest: ~/after}\n",
    )
    # long enough for the extension to come in time on a busy machine
    made = reserve(lab, "m1", "--for", "8s")
    end = time.monotonic() + 8
    running = lab.start("apply", "long.yml")
    wait_until((lab.folder / "home/began").exists)
    assert lab.run("extend", made["id"], "--for", "1h").returncode == 0
    wait_until(lambda: time.monotonic() > end)
    (lab.folder / "home/go").touch()
    output, errors = running.communicate(timeout=30)
    assert running.returncode == 0, output + errors
    assert (lab.folder / "home/after").exists()
