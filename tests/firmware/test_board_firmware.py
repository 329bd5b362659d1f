"""What a board does at its start and from then on, on a real MicroPython."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.support.board_firmware import Board, Start

STATUS = """
import hivelab
result = hivelab.status()
"""
PLATFORMS = pytest.mark.parametrize("platform", ["rp2", "esp32"])


def lived(board: Board, seconds: int, *, platform: str = "rp2", before: str = "") -> Start:
    """Start the board, let it run, and ask how it is."""
    return board.start(f"world.run({seconds})\n{STATUS}", before=f"world.platform = {platform!r}\n{before}")


@PLATFORMS
def test_a_board_joins_the_lab_with_nothing_to_wait_for(platform: str) -> None:
    board = Board.provisioned({"wifi": {"ssid": "lab", "country": "CH"}, "ntp_host": "10.0.0.1"})
    start = lived(board, 70, platform=platform)
    assert (start.refused, start.ended) == (None, None)
    # boot.py was through before the Wi-Fi was there
    assert start.did("connect") == [[0, "lab"]]
    assert start.did("hostname") == [[0, "pico1"]]
    assert start.did("country") == [[0, "CH"]]
    assert start.did("webrepl") == [[0, 8266, "tr0mb0ne"]]
    assert [one[1:] for one in start.did("ntp")] == [["10.0.0.1"]]
    status = start.result
    assert status["wifi"] == {
        "state": "up",
        "ssid": "lab",
        "ip": "10.0.0.77",
        "mac": "28:cd:c1:00:00:01",
        "rssi": -51,
        "fails": 0,
        "drops": 0,
    }
    assert status["webrepl"] == {"state": "listening", "port": 8266, "error": None}
    assert status["time"] == {"state": "synced", "at": "2026-11-21T17:00:00Z", "error": None}
    assert (status["name"], status["circuit_id"], status["mode"]) == ("pico1", "mixer-3", "lab")
    assert (status["cause"], status["crashes"], status["error"]) == ("power", 0, None)
    # nothing falls into a conversation over USB
    assert start.printed == []
    assert "tr0mb0ne" not in json.dumps(status)
    assert "correct horse" not in json.dumps(status)


def test_the_report_is_one_line_of_json_on_the_console() -> None:
    start = Board.provisioned().start("world.run(5)\nimport hivelab\nhivelab.report()")
    assert len(start.printed) == 1
    assert json.loads(start.printed[0])["wifi"]["state"] == "up"


def test_the_identity_is_that_of_the_settings() -> None:
    board = Board.provisioned({"flags": {"wifi_autoreset": True}})
    start = board.start(
        """
        import board
        result = [board.name, board.circuit_id, board.flag_wifi_connect, board.flag_wifi_autoreset, board.flag_dt_sync]
        """
    )
    assert start.result == ["pico1", "mixer-3", True, True, True]


def test_a_board_of_fixed_address_asks_nobody_for_one() -> None:
    static = {"ip": "10.0.0.21", "netmask": "255.255.255.0", "gateway": "10.0.0.1"}
    start = lived(Board.provisioned({"wifi": {"ssid": "lab", "static": static}}), 5)
    assert start.did("static") == [[0, ["10.0.0.21", "255.255.255.0", "10.0.0.1", "10.0.0.1"]]]
    assert start.result["wifi"]["ip"] == "10.0.0.21"


@PLATFORMS
def test_wifi_that_comes_late_is_joined_when_it_is_there(platform: str) -> None:
    before = "world.air = {}\nworld.at(40, lambda: world.air.update(lab='correct horse'))"
    start = lived(Board.provisioned(), 70, platform=platform, before=before)
    assert start.result["wifi"]["state"] == "up"
    assert start.result["wifi"]["fails"] == 0
    seconds = [second for second, _ in start.did("connect")]
    pauses = [later - earlier for earlier, later in itertools.pairwise(seconds)]
    # two seconds or three until it fails, then 1, 2, 4, ... of quiet
    assert pauses == sorted(pauses)
    assert pauses[0] <= 5
    assert pauses[-1] >= 8


@PLATFORMS
@pytest.mark.parametrize(
    ("air", "state"), [("{}", "no-network"), ("{'lab': 'changed'}", "wrong-password")], ids=["never", "wrong"]
)
def test_wifi_that_cannot_be_joined_is_said_to_be_so_and_why(platform: str, air: str, state: str) -> None:
    board = Board.provisioned()
    board.files["/main.py"] = "world.note('main')"
    start = lived(board, 1800, platform=platform, before=f"world.air = {air}")
    # the program ran at once, the WebREPL waits, and the watchdog was fed
    assert start.did("main") == [[0]]
    assert (start.refused, start.ended) == (None, None)
    assert start.result["wifi"]["state"] == state
    assert start.result["webrepl"]["state"] == "listening"
    assert start.result["time"]["state"] == "waiting"
    # a minute between two attempts in the end, with the radio off and on now and then
    assert 25 <= start.result["wifi"]["fails"] <= 50
    assert [on for _, on in start.did("radio")][:3] == [True, False, True]
    assert json.loads(board.files["/hive/boots.jsonl"])["wifi"] == state


def test_an_attempt_that_neither_succeeds_nor_fails_is_given_up() -> None:
    start = lived(Board.provisioned(), 30, before="world.joining = 10 ** 9")
    assert start.result["wifi"]["state"] == "failed"
    assert len(start.did("connect")) == 2


@PLATFORMS
def test_wifi_that_drops_is_joined_again_and_the_webrepl_freed_of_its_dead_client(platform: str) -> None:
    before = """
world.at(30, lambda: world.air.clear())
world.at(90, lambda: world.air.update(lab='correct horse'))
"""
    start = lived(Board.provisioned(), 180, platform=platform, before=before)
    assert (start.result["wifi"]["state"], start.result["wifi"]["drops"]) == ("up", 1)
    restarts = [second for second, *_ in start.did("webrepl")]
    assert len(restarts) == 2
    assert restarts[1] > 90
    assert start.printed == []


def test_the_board_is_reset_when_that_is_wanted_and_that_is_no_crash() -> None:
    board = Board.provisioned({"flags": {"wifi_autoreset": True}})
    there = ("world.air = {}", "world.run(3600)\n" + STATUS)
    starts = board.starts(*[there] * 7)
    assert [start.ended for start in starts] == ["machine.reset()"] * 7
    # not sooner than after some minutes
    assert all(start.log[-1][0] > 240 for start in starts)
    final = lived(board, 70, before="world.cause = 'watchdog'")
    assert (final.result["mode"], final.result["crashes"]) == ("lab", 0)
    assert [boot.get("asked") for boot in final.result["boots"]][-2:] == ["Wi-Fi: no-network"] * 2


def test_a_board_waits_for_wifi_as_long_as_it_is_told_and_no_longer() -> None:
    board = Board.provisioned({"wifi": {"ssid": "lab", "wait_s": 15}})
    board.files["/main.py"] = "import hivelab\nworld.note('main', hivelab.wait(0))"
    there, away = board.starts(("", ""), ("world.air = {}", ""))
    assert there.did("main") == [[2, True]]
    assert away.did("main") == [[15, False]]


@pytest.mark.parametrize(
    ("password", "state"),
    [(None, "no-password"), ("ten letters", "password-too-long"), ("nine byte", "listening")],
)
def test_a_webrepl_that_cannot_start_says_why(password: str | None, state: str) -> None:
    start = lived(Board.provisioned(secrets={"webrepl_password": password}), 5)
    assert start.result["webrepl"]["state"] == state
    assert start.result["wifi"]["state"] == "up"
    assert len(start.did("webrepl")) == (state == "listening")


def test_a_webrepl_that_failed_is_started_later_and_a_missing_one_is_named() -> None:
    failed, later = Board.provisioned().starts(
        ("world.webrepl_fails = 1", "world.run(5)\n" + STATUS),
        ("world.webrepl_fails = 1", "world.run(40)\n" + STATUS),
    )
    assert failed.result["webrepl"] == {"state": "failed", "port": 8266, "error": "OSError(98,)"}
    assert later.result["webrepl"] == {"state": "listening", "port": 8266, "error": None}
    missing = lived(Board.provisioned(), 5, before="import os\nos.remove('/stubs/webrepl.py')")
    assert missing.result["webrepl"]["state"] == "missing"


def test_a_client_that_says_nothing_does_not_hold_the_board_up() -> None:
    start = Board.provisioned().start(
        """
        class Client:
            def __init__(self, lines):
                self.lines, self.closed, self.patience = lines, False, None
            def settimeout(self, seconds):
                self.patience = seconds
            def readline(self):
                if not self.lines:
                    world.run(self.patience)
                    raise OSError(110)
                return self.lines.pop(0)
            def close(self):
                self.closed = True

        class Listening:
            def __init__(self, client):
                self.client = client
            def accept(self):
                return self.client, ("10.0.0.2", 4000)

        silent, good = Client([]), Client([b"GET / HTTP/1.1"])
        result = [world.accept(Listening(silent)), silent.closed, world.accept(Listening(good)), good.closed]
        """
    )
    assert start.result == [False, True, True, False]
    assert start.ended is None
    assert start.printed == []


def test_the_time_is_asked_for_again_where_nobody_answers() -> None:
    before = "world.name_server = False\nworld.at(100, lambda: setattr(world, 'name_server', True))"
    start = lived(Board.provisioned(), 200, before=before)
    assert start.result["time"]["state"] == "synced"
    assert len(start.did("ntp")) == 4
    assert start.ended is None
    off = lived(Board.provisioned({"flags": {"dt_sync": False}}), 60)
    assert (off.result["time"]["state"], off.did("ntp")) == ("off", [])


@PLATFORMS
def test_the_watchdog_is_fed_while_the_board_lives_and_bites_when_it_hangs(platform: str) -> None:
    board = Board.provisioned({"watchdog_s": 20})
    fed = lived(board, 600, platform=platform)
    assert fed.ended is None
    # an RP2040 can count to 8.388 s
    assert fed.did("watchdog") == [[0, 8388 if platform == "rp2" else 20000]]
    hung = board.start("world.timers.clear()\nworld.run(60)", before=f"world.platform = {platform!r}")
    assert hung.ended == "watchdog"
    without = lived(Board.provisioned({"watchdog_s": 0}), 10)
    assert without.did("watchdog") == []


CRASH: dict[str, Any] = {"/main.py": "world.note('main')\nimport machine\nmachine.reset()"}


def test_a_crash_loop_ends_without_main_but_within_reach() -> None:
    board = Board.provisioned()
    board.files |= CRASH
    again = "world.cause = 'watchdog'"
    starts = board.starts(("", ""), (again, ""), (again, ""), (again, "world.run(90)\n" + STATUS))
    assert [start.ended for start in starts] == ["machine.reset()"] * 3 + [None]
    held = starts[-1]
    assert held.did("main") == []
    assert held.refused == "SafeMode: 3 starts ended within a minute"
    assert held.did("watchdog") == []
    assert (held.result["mode"], held.result["wifi"]["state"]) == ("no-main", "up")
    assert held.result["webrepl"]["state"] == "listening"
    assert [boot["cause"] for boot in held.result["boots"]] == ["power", "watchdog", "watchdog", "watchdog"]
    # it stays so, however often the power fails, until somebody says otherwise
    later = board.starts(*[("", "world.run(90)\n" + STATUS)] * 4)
    assert [start.result["mode"] for start in later] == ["no-main"] * 4
    board.files["/main.py"] = "world.note('main')"
    cleared, well = board.starts(("", "import hivelab\nhivelab.clear()"), ("", "world.run(90)\n" + STATUS))
    assert cleared.did("main") == []
    assert (well.did("main"), well.result["mode"], well.result["crashes"]) == ([[0]], "lab", 0)


def test_a_board_that_crashes_without_main_too_starts_nothing_at_all() -> None:
    board = Board.provisioned()
    dying = ("world.cause = 'watchdog'", "import machine\nmachine.reset()")
    starts = board.starts(*[dying] * 5, ("world.cause = 'watchdog'", "world.run(90)\n" + STATUS))
    assert [start.did("radio") != [] for start in starts] == [True] * 5 + [False]
    final = starts[-1]
    assert final.refused == "SafeMode: 5 starts ended within a minute"
    assert (final.result["mode"], final.did("watchdog")) == ("safe", [])
    assert "wifi" not in final.result


def test_starts_that_a_repl_asks_for_are_no_crashes() -> None:
    board = Board.provisioned()
    # an RP2 does not know a soft start from the hard one before, but by its clock
    soft = ("world.cause = 'watchdog'\nworld.millis = 60000", STATUS)
    starts = board.starts(("", STATUS), *[soft] * 6)
    assert [start.result["mode"] for start in starts] == ["lab"] * 7
    assert [start.result["cause"] for start in starts[1:]] == ["soft"] * 6
    assert len(starts[-1].result["boots"]) == 1
    esp32 = Board.provisioned().starts(*[("world.platform = 'esp32'\nworld.cause = 'soft'", STATUS)] * 5)
    assert [start.result["cause"] for start in esp32] == ["soft"] * 5
    assert esp32[-1].result["crashes"] == 0


def test_a_reset_that_was_asked_for_is_no_crash() -> None:
    board = Board.provisioned()
    asked = ("world.cause = 'watchdog'", "import hivelab\nhivelab.reset('provisioning')")
    starts = board.starts(*[asked] * 5, ("world.cause = 'watchdog'", STATUS))
    # the first one came from nowhere
    assert (starts[-1].result["mode"], starts[-1].result["crashes"]) == ("lab", 1)
    assert starts[-1].result["boots"][-1]["asked"] == "provisioning"


@pytest.mark.parametrize(
    ("files", "before", "why"),
    [
        ({"/hive/safe": ""}, "", "the file /hive/safe is there"),
        ({}, "world.pins[15] = 0", "pin 15 is held low"),
        ({"/hive/settings.json": "{"}, "", "a file in /hive is no JSON"),
        ({"/hive/secrets.json": "{"}, "", "a file in /hive is no JSON"),
    ],
    ids=["file", "pin", "settings", "secrets"],
)
def test_safe_mode_starts_nothing_and_says_why(files: dict[str, str], before: str, why: str) -> None:
    board = Board.provisioned({"safe_pin": 15})
    board.files |= {**files, "/main.py": "world.note('main')"}
    start = lived(board, 300, before=before)
    assert start.refused == f"SafeMode: {why}"
    assert start.log == []
    assert (start.result["mode"], start.result["reason"]) == ("safe", why)
    assert json.loads(board.files["/hive/boots.jsonl"])["reason"] == why


def test_a_board_without_settings_says_so() -> None:
    board = Board.provisioned()
    del board.files["/hive/settings.json"]
    start = lived(board, 10)
    assert start.result["reason"] == "there is no /hive/settings.json"
    assert start.log == []


def test_the_log_keeps_the_last_starts() -> None:
    board = Board.provisioned()
    board.starts(*[("", "world.run(61)")] * 12)
    boots = [json.loads(line) for line in board.files["/hive/boots.jsonl"].splitlines()]
    assert [boot["n"] for boot in boots] == list(range(5, 13))
    assert {(boot["up_s"], boot["wifi"], boot["webrepl"]) for boot in boots} == {(60, "up", "listening")}


def test_a_file_system_that_is_full_does_not_keep_the_board_from_the_lab() -> None:
    before = """
import builtins
_open = builtins.open
def full(path, mode="r"):
    if "w" in mode:
        raise OSError(28)
    return _open(path, mode)
builtins.open = full
"""
    start = lived(Board.provisioned(), 70, before=before)
    assert (start.refused, start.result["wifi"]["state"]) == (None, "up")
    assert start.result["error"] == "OSError(28,)"


def test_the_radio_is_left_alone_where_that_is_wanted() -> None:
    start = lived(Board.provisioned({"flags": {"wifi_connect": False}}), 60)
    assert [one[1] for one in start.log] == ["watchdog"]
    assert "wifi" not in start.result


def test_a_board_is_reset_each_day_where_that_is_wanted() -> None:
    start = lived(Board.provisioned({"reset_every_h": 1}), 4000)
    assert start.ended == "machine.reset()"
    assert 3600 <= start.log[-1][0] <= 3602


def test_an_esp32_with_few_timers_takes_the_last_and_leaves_the_first_to_programs() -> None:
    for timers in ((0, 1, 2, 3), (0, 1), (0,)):
        start = lived(Board.provisioned(), 5, platform="esp32", before=f"world.hardware_timers = {timers}")
        assert start.result["wifi"]["state"] == "up"


def test_a_board_without_a_radio_runs_its_program_and_says_so() -> None:
    board = Board.provisioned()
    board.files["/main.py"] = "world.note('main')"
    gone = "import os\nos.remove('/stubs/network.py')"
    start = lived(board, 70, before=gone)
    assert start.did("main") == [[0]]
    assert (start.result["mode"], start.result["wifi"]["state"]) == ("lab", "no-radio")
    # and one without timers has no watchdog that nobody would feed
    bare = f"{gone}\nimport machine\ndel machine.Timer\n"
    assert lived(board, 70, before=bare).did("watchdog") == []


def test_the_log_says_that_the_wifi_is_up_as_soon_as_it_is() -> None:
    board = Board.provisioned()
    board.start("world.run(5)")
    assert json.loads(board.files["/hive/boots.jsonl"])["wifi"] == "up"
