"""`apt` and `package`: as ansible-core does it, with real apt-get and dpkg on a database of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import debs
from tests.support.worlds import act, assert_same_in_worlds, ours_in_world

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="packages are root's to install")

# holds dpkg's lock as another apt-get would, for some seconds
HOLD = """
rm -f /mnt/held
python3 -c '
import fcntl, os, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
if os.fork(): os._exit(0)
fcntl.lockf(file, fcntl.LOCK_EX)
open("/mnt/held", "w").close()
time.sleep({seconds})
' >/dev/null 2>&1 </dev/null
while [ ! -e /mnt/held ]; do sleep 0.05; done
"""


def apt(name: str, arguments: dict[str, Any], *keys: str, **more: Any) -> Any:
    return act(name, "apt", arguments, *keys, **more)


ACTS = [
    apt("lists in check", {"update_cache": True}, "cache_updated", check=True),
    apt("lists", {"update_cache": True}),
    apt("lists are new enough", {"update_cache": True, "cache_valid_time": 3600}, "cache_updated"),
    apt("check", {"name": "lamp"}, check=True),
    apt("present", {"name": "lamp=1.0"}, "cache_updated"),
    apt("present again", {"name": "lamp"}, "cache_updated"),
    apt("a pattern of versions", {"name": "lamp=1.*"}),
    apt("at least, and it is not", {"name": "lamp>=1.5"}),
    apt("an older one", {"name": "lamp=1.0"}),
    apt("an older one, allowed", {"name": "lamp=1.0", "allow_downgrade": True}),
    apt("latest", {"name": "lamp", "state": "latest"}),
    apt("latest again", {"name": "lamp", "state": "latest"}),
    apt("latest of a new one", {"pkg": ["candle"], "state": "latest"}),
    apt("no such version", {"name": "lamp=9.*"}),
    apt("no such package", {"name": "no-such-thing"}),
    apt("not to be upgraded", {"name": "shade", "only_upgrade": True}),
    apt("absent, not there", {"name": "shade", "state": "absent"}),
    apt("absent", {"name": "candle", "state": "absent"}),
    apt("with dependencies, no more", {"name": "light", "install_recommends": False}),
    apt("by hand from now on", {"name": "shade"}),
    apt("recommended too", {"name": "light", "install_recommends": True}),
    apt("removed with what needs it", {"name": "lamp", "state": "absent"}),
    apt("nothing needs it any more", {"autoremove": True}),
    apt("by a pattern", {"name": "bulb*"}),
    apt("virtual, one has it", {"name": "bulb"}),
    apt("virtual, several could", {"name": "socket"}),
    apt("configuration", {"name": "wired"}),
    apt("configuration stays", {"name": "wired", "state": "absent"}),
    apt("purged", {"name": "wired", "state": "absent", "purge": True}),
    apt("file", {"deb": "/mnt/repository/files/extra_1.0_all.deb"}),
    apt("file again", {"deb": "/mnt/repository/files/extra_1.0_all.deb"}),
    apt("newer file", {"deb": "/mnt/repository/files/extra_2.0_all.deb"}),
    apt("older file", {"deb": "/mnt/repository/files/extra_1.0_all.deb"}),
    apt("no such file", {"deb": "/mnt/none.deb"}),
    apt("upgrade, nothing", {"upgrade": "yes"}),
    apt(
        "upgrade in check",
        {"upgrade": "dist"},
        check=True,
        before="apt-get -y -qq install --allow-downgrades lamp=1.0",
    ),
    apt("upgrade", {"upgrade": "dist"}),
    apt(
        "everything",
        {"name": "*", "state": "latest"},
        before="apt-get -y -qq install --allow-downgrades lamp=1.0",
    ),
    apt("clean", {"clean": True}),
    act("by package", "package", {"name": ["lamp", "candle"], "state": "present"}),
    act("by package again", "package", {"name": ["lamp", "candle"], "state": "present"}),
    act("absent by package", "package", {"name": "candle", "state": "absent"}),
    apt("cannot be satisfied", {"name": "needs-none"}),
    apt("breaks", {"name": "broken"}),
]


def test_what_a_file_needs_comes_with_it_and_is_nobodys_wish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # ansible-core marks what it finds missing as wanted by somebody, so that it stays for ever
    monkeypatch.setenv("DEBS", str(debs.build(tmp_path)))
    table = [
        apt("lists", {"update_cache": True}),
        apt("file", {"deb": "/mnt/repository/files/lone_1.0_all.deb"}),
        apt("file goes", {"name": "lone", "state": "absent", "autoremove": True}),
    ]

    _, brought, gone = ours_in_world(table, tmp_path, prepare=debs.PREPARE, state=debs.STATE)

    assert "shade 1.0" in brought["state"]
    assert brought["state"].count("shade") == 2  # the package, its file
    assert "shade" not in gone["state"]


def test_waits_for_whoever_holds_the_lock_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBS", str(debs.build(tmp_path)))
    table = [
        apt("lists", {"update_cache": True}),
        apt("waits for another", {"name": "candle"}, before=HOLD.format(seconds=1)),
        apt("does not wait for ever", {"name": "plug", "lock_timeout": 1}, before=HOLD.format(seconds=3)),
        apt("needs no lock to look", {"name": "candle"}),
        apt("nor to try", {"name": "plug"}, check=True),
        apt(
            "is out of reach",
            {"update_cache": True, "update_cache_retries": 1},
            before="rm -r /mnt/repository",
        ),
    ]

    _, waited, gave_up, *looks, unreachable = ours_in_world(
        table, tmp_path, prepare=debs.PREPARE, state=debs.STATE
    )

    assert waited["result"]["changed"] is True
    assert "candle 1.0" in waited["state"]
    message = gave_up["result"]["msg"]
    assert message.startswith("apt-get install failed: waited 1 s for another process: ")
    assert "It is held by process" in message
    assert "(python3)" in message
    assert [look["result"]["changed"] for look in looks] == [False, True]
    message = unreachable["result"]["msg"]
    assert message.startswith("Failed to update apt cache after 1 retries: ")
    assert "/mnt/repository" in message


def test_as_ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBS", str(debs.build(tmp_path)))

    sides = assert_same_in_worlds(ACTS, tmp_path, prepare=debs.PREPARE, state=debs.STATE, without_python=True)

    said = {one.name: side["result"].get("msg", "") for one, side in zip(ACTS, sides["ours"], strict=True)}
    assert said["no such package"] == "No package matching 'no-such-thing' is available"
    assert said["no such version"] == "no available installation candidate for lamp=9.*"
    assert "not-to-be-had" in said["cannot be satisfied"]
    assert "the bulb burst" in said["breaks"]
