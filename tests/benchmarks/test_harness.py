"""The benchmark's own honesty: the yardstick does the whole job, and what is wrong is noticed. No timings."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks import board_syncs, boards
from tests.benchmarks.job import JobError, Target, fresh, identities, verify, verify_untouched, write_project
from tests.benchmarks.measure import Cost, measure
from tests.benchmarks.report import Results, as_json, checks, markdown
from tests.benchmarks.role_job import SIXTY_TASKS
from tests.benchmarks.rounds import FRESH, REPEATED, Sample, run_rounds
from tests.benchmarks.tools import ROLE_TOOLS, TOOLS, Stage
from tests.support.sshd import hosts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    write_project(tmp_path / "project")
    with hosts(tmp_path / "hosts", 2, settings=["ForceCommand none"]) as servers:
        targets = [Target(server.name, server) for server in servers]
        yield Stage(tmp_path / "project", tmp_path / "home", targets, tmp_path)


def sample(tool: str, wall: float, *, workload: str = FRESH, hosts: int = 20) -> Sample:
    return Sample(hosts, tool, workload, Cost(wall, wall / 2, 40.0, 50.0, 1, ""), 1.0, 1, 1, 0.0)


def test_the_floors_do_the_job_in_one_channel_and_nothing_twice(stage: Stage) -> None:
    samples, faults = run_rounds([TOOLS["floor"], TOOLS["floor-python"]], lambda _: 1, stage, lambda _: None)
    assert faults == []
    assert [(made.tool, made.workload, made.channels, made.connections) for made in samples] == [
        ("floor", FRESH, 1, 1),
        ("floor", REPEATED, 1, 1),
        ("floor-python", FRESH, 1, 1),
        ("floor-python", REPEATED, 1, 1),
    ]
    assert samples[0].cost.output == "h1: ok=0 changed=20\nh2: ok=0 changed=20\n"
    assert samples[1].cost.output == "h1: ok=20 changed=0\nh2: ok=20 changed=0\n"
    assert samples[0].target_cpu > 0

    target = stage.targets[1]
    before = identities(target.tree)
    index = target.tree / "markers" / "index"
    os.utime(index)
    with pytest.raises(JobError, match=r"floor: touched .*/data/index with nothing to do"):
        verify_untouched("floor", before, identities(target.tree))
    index.chmod(0o600)
    with pytest.raises(JobError, match=r"/h2/tree/data/index is \('file', 384, b''\), and should be"):
        verify("floor", stage.targets, stage.project)
    fresh(target)
    assert sorted(path.name for path in target.tree.iterdir()) == ["hosts.list", "system.conf"]


def test_the_role_is_done_on_all_hosts_and_one_that_differs_is_noticed(tmp_path: Path) -> None:
    SIXTY_TASKS.write(tmp_path / "project")
    with hosts(tmp_path / "hosts", 2, settings=["ForceCommand none"]) as servers:
        targets = [Target(server.name, server) for server in servers]
        stage = Stage(tmp_path / "project", tmp_path / "home", targets, tmp_path, SIXTY_TASKS)
        tools = [ROLE_TOOLS["turns"], ROLE_TOOLS["hivectl"]]
        samples, faults = run_rounds(tools, lambda _: 1, stage, lambda _: None)
        assert faults == []
        assert [(made.tool, made.channels) for made in samples] == [("turns", 1)] * 2 + [("hivectl", 1)] * 2
        (targets[1].tree / "etc" / "motd").write_text("mine")
        with pytest.raises(JobError, match=r"hivectl: etc/motd of h2 is \('file', 420, b'mine'\), not"):
            SIXTY_TASKS.verify("hivectl", targets, tmp_path)


def test_both_tools_bring_the_same_files_to_a_board_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "SIZE", 3000)
    monkeypatch.setattr(boards, "SMALL_FILES", 3)
    monkeypatch.setattr(boards, "EXECUTIONS", 2)
    boards.write_sources(tmp_path)
    samples: list[boards.BoardSample] = []
    asyncio.run(boards._transfers(tmp_path, 1, samples, lambda _: None))
    assert [(made.name, made.tool) for made in samples[:6]] == [
        (name, tool)
        for name in (boards.PUT, boards.GET, boards.PUT_SMALL)
        for tool in (boards.OURS, boards.THEIRS)
    ]
    assert [(made.name, made.tool) for made in samples[6:10]] == [
        (name, tool)
        for tool in (boards.OURS, boards.THEIRS)
        for name in (board_syncs.FRESH, board_syncs.SAME)
    ]
    assert [made.name for made in samples[10:]] == [boards.IDLE_SYNC] * 5 + [boards.EXEC] * 2


def test_what_a_program_left_behind_is_ended_and_counted(tmp_path: Path) -> None:
    daemon = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(1, flush=True); time.sleep(600)"
    program = (
        "import subprocess, sys; process = subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
        "stdout=subprocess.PIPE, start_new_session=True); process.stdout.read(1); print('left')"
    )
    environment = {"PATH": os.environ["PATH"]}
    cost = measure([sys.executable, "-W", "ignore", "-c", program, daemon], environment, tmp_path)
    assert cost.output == "left\n"
    assert cost.cpu > 0.3
    assert cost.rss > 5


def test_a_program_that_fails_is_a_fault_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no such luck"):
        measure([sys.executable, "-c", "raise SystemExit('no such luck')"], {}, tmp_path)


def test_a_program_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    hanging = "import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    environment = {"PATH": os.environ["PATH"]}
    with pytest.raises(JobError, match=r"was killed after 0 s") as caught:
        measure([sys.executable, "-c", hanging], environment, tmp_path, timeout=0.4)
    started = next(line for line in str(caught.value).splitlines() if line.isdigit())
    with pytest.raises(ProcessLookupError):
        os.kill(int(started), 0)


def test_targets_are_judged_by_medians_and_unmeasured_ones_are_said_to_be() -> None:
    samples = [sample("floor", wall) for wall in (1.0, 1.2, 9.0)]
    samples += [sample("hivectl", wall) for wall in (1.5, 1.7, 1.8)]
    samples += [sample("pyinfra", 5.2), sample("ansible", 80.0)]
    results = Results({"cpus": 2}, samples, [], [])
    held = {check.what: check.holds for check in checks(results)}
    assert held["20 hosts, fresh: wall, hivectl / floor"] is True
    assert held["20 hosts, fresh: wall, pyinfra / hivectl"] is True
    assert held["20 hosts, fresh: wall, ansible / hivectl"] is False
    assert held["20 hosts, repeated: wall, hivectl / floor"] is None
    text = markdown(results)
    assert "| 20 | fresh | hivectl | 3 | 1.70 (1.50) | 1.42 |" in text
    assert "| --help: CPU |  | <= 150 ms | not measured |" in text
    assert json.loads(json.dumps(as_json(results)))["samples"][0]["cost"]["wall"] == 1.0
