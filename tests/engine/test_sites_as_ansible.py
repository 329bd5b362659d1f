"""Sites as Ansible's users have them, by ansible-core and by hivectl: the same end state, the same outcome of each task."""

from __future__ import annotations

import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.test_whole_playbooks_as_ansible import OURS, Steps, parsed
from tests.modules.as_ansible import test_cron, test_service
from tests.support.as_ansible import state_of
from tests.support.worlds import in_world

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="worlds with accounts are root's to make")

SITES = Path(__file__).with_name("sites")
# what ansible-core says otherwise, or not at all: what takes in others, or comes before them
TAKE_IN = {"include_role", "include_tasks", "meta", "validate_argument_spec"}


def of_ours(text: str) -> Steps:
    """Read what our events say of each task."""
    steps: Steps = {}
    for line in text.splitlines():
        event = json.loads(line)
        if event["event"] == "step_finished" and event["task"]["module"] not in TAKE_IN:
            told = (event["task"]["name"], OURS.get(event["status"], event["status"]))
            steps.setdefault(event["node"], []).append(told)
    return steps


def of_theirs(text: str) -> Steps:
    """Read what ansible-playbook says, without what takes in others and its own gathering of facts."""
    return {
        host: [
            (name, word) for name, word in told if name != "Gathering Facts" and "Validating arg" not in name
        ]
        for host, told in parsed(text).items()
    }


# what runs in the world is ended with it
ENDED = "start-stop-daemon --stop --quiet --oknodo --pidfile /mnt/run/lamp.pid"
# the home of who runs them; a process's number; copies that tools of accounts make whenever they write
OWN = re.compile(r"root(/|$)|run/lamp.pid$|etc/(passwd|shadow|group|gshadow)-$")
# when and of what file a table of jobs was made
HEADER = re.compile(rb"^# \(.*\n", re.MULTILINE)


@pytest.mark.parametrize(
    ("site", "prepare", "end", "words"),
    [
        ("web", "", "true", ["--skip-tags", "slow"]),
        ("system", test_service.PREPARE + test_cron.PREPARE, ENDED, []),
    ],
)
def test_a_site_of_roles_is_the_same(
    site: str, prepare: str, end: str, words: list[str], tmp_path: Path
) -> None:
    def lived(side: str) -> subprocess.CompletedProcess[str]:
        script = f'mkdir -p /mnt/root\numask 022\n{{ "$@"; code=$?; }} || code=$?\n{end}\nexit $code'
        told = [sys.executable, "-m", "tests.support.sites", side, str(SITES / site), *words]
        return in_world(tmp_path / side, script, *told, prepare=prepare)

    with ThreadPoolExecutor() as pool:
        theirs, ours = pool.map(lived, ("ansible", "ours"))
    assert theirs.returncode == 0, theirs.stdout[-3000:] + theirs.stderr
    assert ours.returncode == 0, ours.stdout[-3000:] + ours.stderr
    wanted, made = of_theirs(theirs.stdout), of_ours(ours.stdout)
    differ = [
        f"{host}: ours {made.get(host)}\n  theirs {wanted.get(host)}"
        for host in wanted | made
        if made.get(host) != wanted.get(host)
    ]
    there, here = (end_of(tmp_path / side) for side in ("ansible", "ours"))
    differ += [
        f"{path}: ours {here.get(path)}\n  theirs {there.get(path)}"
        for path in there | here
        if here.get(path) != there.get(path)
    ]
    assert not differ, "\n".join(differ[:20])
    assert len(here) > 100


def end_of(world: Path) -> dict[str, tuple[object, ...]]:
    """Return what is there in the end: paths, modes, owners, contents."""
    return {
        path: tuple(
            HEADER.sub(b"", one) if path.startswith("spool/") and isinstance(one, bytes) else one
            for one in told
        )
        for path, told in state_of(world).items()
        if not OWN.match(path)
    }
