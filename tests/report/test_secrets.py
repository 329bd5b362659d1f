"""No report ever holds a secret, wherever a node or a template put it; every report is tried with a real run."""

from __future__ import annotations

import asyncio
import io
import os
from typing import TYPE_CHECKING

import pytest

from hivectl.engine.options import RunOptions
from hivectl.engine.run import run_playbook
from hivectl.report.registry import open_reports
from tests.support.runs import Bench, make_bench

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.engine.events import Event

SECRET = "correct-horse-battery"
HUSHED = "nobody-may-read-this"
PLAYBOOK = """
- name: Secrets everywhere
  hosts: all
  tasks:
    - {name: Said, command: "echo {{ token }}"}
    - {name: Said loud, shell: "echo {{ token }} >&2; false", ignore_errors: true}
    - {name: In a diff, copy: {content: "token={{ token }}", dest: ~/token}}
    - {name: Of an item, command: "echo {{ item }}", loop: ["{{ token }}", other]}
    - {name: Bad item, command: "false", loop: ["{{ token }}"], ignore_errors: true}
    - {name: Shown, debug: {msg: "it is {{ token }}"}}
    - {name: Condition, debug: {msg: x}, when: token == "x"}
    - {name: Hidden, command: "echo nobody-may-read-this", no_log: true}
    - {name: Hidden items, shell: "echo {{ item }}; false", loop: [nobody-may-read-this], no_log: true, ignore_errors: true}
    - {name: Hidden diff, copy: {content: nobody-may-read-this, dest: ~/hidden}, no_log: true}
    - {name: Last words, fail: {msg: "cannot log in with {{ token }}"}}
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("LAB_TOKEN", SECRET)
    return make_bench(tmp_path, monkeypatch, 1, "vars: {token: !env LAB_TOKEN}\n")


def test_no_report_holds_a_secret(bench: Bench, tmp_path: Path) -> None:
    names = ("human", "jsonl", "junit", "github")
    files = [tmp_path / f"report.{name}" for name in names]
    summary = tmp_path / "summary.md"
    stdout = io.StringIO()
    reports = open_reports(
        [f"{name}={file}" for name, file in zip(names, files, strict=True)],
        stdout=stdout,
        stderr=io.StringIO(),
        environment={**os.environ, "GITHUB_STEP_SUMMARY": str(summary)},
    )

    def emit(event: Event) -> None:
        for report in reports:
            report(event)

    options = RunOptions(playbook=bench.write(PLAYBOOK), diff=True)
    asyncio.run(run_playbook(bench.lab(), options, [emit]))
    for report in reports:
        report.close()
    for text in [stdout.getvalue(), *(file.read_text() for file in [*files, summary])]:
        assert "Last words" in text
        assert "********" in text
        assert SECRET not in text
        assert HUSHED not in text
