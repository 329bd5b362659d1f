"""The operation `run`: what programs get, what is said of them, and how they are ended."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from hivectl.drivers.errors import OperationTimeoutError
from hivectl.helper.operations import Batch, Item, Run
from hivectl.model.secret import Secret
from tests.support.helper import (
    carry_out,
    carry_out_one,
    indexes_until,
    items_of,
    pid_in,
    results_of,
    wait_until_gone,
    with_connection,
)


def sh(script: str, **options: Any) -> Run:
    return Run(script=script, **options)


def test_result_has_what_ansible_users_know() -> None:
    result = carry_out_one(sh("echo one; echo two; echo three >&2; exit 3"))
    assert result["rc"] == 3
    assert result["failed"] is True
    assert result["changed"] is True
    assert result["msg"] == "non-zero return code"
    assert result["stdout"] == "one\ntwo"
    assert result["stdout_lines"] == ["one", "two"]
    assert result["stderr_lines"] == ["three"]
    assert result["delta"].startswith("0:00:0")
    assert result["start"] < result["end"]
    assert result["cmd"].startswith("echo one")


@pytest.mark.parametrize(
    ("operation", "stdout"),
    [
        (Run(argv=("printf", "%s|", "a b", "$HOME", "'")), "a b|$HOME|'|"),
        (
            Run(argv=("printf", "%s|", "$WORD", "~", "$NONE"), expand=True),
            f"word|{Path.home()}|$NONE|",
        ),
        (sh("cat", stdin="in\n"), "in"),
        (sh("cat", stdin="in\n", strip=False), "in\n"),
        (sh("echo $WORD $EXTRA", environment={"EXTRA": 5}), "word 5"),
        (sh("pwd", directory="/usr"), "/usr"),
        (Run(script="echo ${BASH_VERSION:+bash}", shell="/bin/bash"), "bash"),
        (sh("printf '\\377\\376x'"), "\udcff\udcfex"),
        (sh("echo $PPID >/dev/null; ls /proc/self/fd | wc -l"), "4"),
        (sh("trap - PIPE; yes | head -n 1"), "y"),
    ],
)
def test_what_a_program_gets(operation: Run, stdout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "word")
    result = carry_out_one(operation)
    assert not result.get("failed"), result
    assert result["stdout"] == stdout


@pytest.mark.parametrize(
    ("operation", "said", "rc"),
    [
        (Run(argv=("/no/such/program",)), "No such file", 2),
        (Run(argv=("no-such-program",)), "No such file", 2),
        (Run(argv=("/etc/passwd",)), "Permission denied", 2),
        (sh("true", directory="/no/such"), "Unable to change directory", 2),
        (sh("kill -9 $$"), "non-zero return code", -9),
    ],
)
def test_what_cannot_be_run_fails_with_the_reason(operation: Run, said: str, rc: int) -> None:
    result = carry_out_one(operation)
    assert result["failed"] is True
    assert said in result["msg"]
    assert result["rc"] == rc


def test_creates_and_removes_decide_in_check_mode_too(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    for check in (False, True):
        there = carry_out_one(sh("exit 9", creates=f"{tmp_path}/th*"), check=check)
        gone = carry_out_one(sh("exit 9", removes="gone", directory=str(tmp_path)), check=check)
        for result in (there, gone):
            assert result["changed"] is False
            assert result["rc"] == 0
            assert result["stdout"].startswith("skipped, since")
    would = carry_out_one(sh("exit 9", creates=f"{tmp_path}/not"), check=True)
    assert would["changed"] is True
    assert "skipped" not in would
    plain = carry_out_one(sh("exit 9"), check=True)
    assert plain["skipped"] is True
    assert carry_out_one(sh("echo x", observes=True), check=True)["stdout"] == "x"


def test_large_outputs_come_whole_and_larger_ones_are_cut() -> None:
    size = 3 << 20
    result = carry_out_one(
        sh(f"head -c {size} /dev/zero | tr '\\0' x; head -c {size} /dev/zero | tr '\\0' y >&2")
    )
    assert (len(result["stdout"]), len(result["stderr"])) == (size, size)
    result = carry_out_one(sh("head -c 17000000 /dev/zero | tr '\\0' x"))
    assert len(result["stdout"]) == 16 << 20
    assert "cut" in result["warnings"][0]


def test_a_background_child_that_holds_the_pipes_does_not_hold_us() -> None:
    start = time.monotonic()
    result = carry_out_one(sh("sleep 20 & echo $!"))
    try:
        assert time.monotonic() - start < 5
        assert not result.get("failed")
        os.kill(int(result["stdout"]), 0)  # it was left running, as it was meant to be
    finally:
        os.kill(int(result["stdout"]), signal.SIGKILL)


def test_a_program_that_closes_its_outputs_is_waited_for(tmp_path: Path) -> None:
    result = carry_out_one(sh(f"exec >&- 2>&-; sleep 0.3; touch {tmp_path}/end"))
    assert result["rc"] == 0
    assert (tmp_path / "end").exists()


def test_timeout_ends_the_whole_group() -> None:
    result = carry_out_one(sh("sleep 60 & echo $!; wait", timeout=0.3))
    assert result["failed"] is True
    assert result["timed_out"] is True
    assert "timed out after 0.3 s" in result["msg"]
    wait_until_gone(int(result["stdout"]))


def test_a_program_that_ignores_the_polite_signal_is_killed() -> None:
    result = carry_out_one(sh("trap '' TERM; echo $$; while :; do sleep 0.1; done", timeout=0.2))
    assert result["timed_out"] is True
    wait_until_gone(int(result["stdout"]))


def test_deadline_ends_the_operation_and_the_helper_goes_on(tmp_path: Path) -> None:
    async def work(connection: Any) -> None:
        items = (
            Item(key="a", step=0, chain=0, operation=sh("true"), deadline=20),
            Item(key="b", step=1, chain=0, operation=sh(f"echo $$ > {tmp_path}/pid; sleep 60"), deadline=0.5),
            Item(key="c", step=2, chain=0, operation=sh(f"touch {tmp_path}/after")),
        )
        results = connection.operate(Batch(run="r", items=items))
        seen = await indexes_until(OperationTimeoutError, r"run took longer than 0\.5 s", results)
        assert seen == [0]
        wait_until_gone(int((tmp_path / "pid").read_text()))
        assert not (tmp_path / "after").exists()
        again = await results_of(connection, Batch(run="r", items=items_of([sh("echo still here")])))
        assert again[0].result["stdout"] == "still here"

    with_connection(work)


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_leaving_a_batch_ends_what_it_began(how: str, tmp_path: Path) -> None:
    async def work(connection: Any) -> None:
        batch = Batch(
            run="r",
            items=items_of(
                [sh("true"), sh(f"echo $$ > {tmp_path}/pid; exec sleep 60"), sh(f"touch {tmp_path}/no")]
            ),
        )

        async def leave() -> None:
            async with aclosing(connection.operate(batch)) as results:
                async for _ in results:
                    await pid_in(tmp_path / "pid")
                    if how == "closed":
                        return

        task = asyncio.create_task(leave())
        if how == "cancelled":
            await pid_in(tmp_path / "pid")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            await task
        wait_until_gone(int((tmp_path / "pid").read_text()))
        assert not (tmp_path / "no").exists()

    with_connection(work)


def test_secrets_reach_the_program_and_no_result() -> None:
    secret = Secret("hunter2")
    operation = Run(
        argv=("sh", "-c", 'test ${#1} = 7 && test "$P" = "$1"', "sh", secret), environment={"P": secret}
    )
    result = carry_out_one(operation)
    assert result["rc"] == 0
    assert "hunter2" not in str(result)


def test_a_failure_ends_the_batch_but_not_its_own_step() -> None:
    def item(step: int, chain: int, script: str, *, ignore: bool = False) -> Item:
        return Item(key=f"{step}{chain}", step=step, chain=chain, operation=sh(script), ignore_failure=ignore)

    items = (
        item(0, 0, "false", ignore=True),
        item(1, 0, "false"),
        item(1, 0, "echo rest of the chain"),
        item(1, 1, "echo other chain"),
        item(2, 0, "echo never"),
    )
    results = with_connection(lambda connection: results_of(connection, Batch(run="r", items=items)))
    assert [result.index for result in results] == [0, 1, 3]


def test_results_of_quick_operations_arrive_while_a_slow_one_runs() -> None:
    async def work(connection: Any) -> float:
        batch = Batch(run="r", items=items_of([sh("true"), sh("sleep 30")]))
        start = time.monotonic()
        async with aclosing(connection.operate(batch)) as results:
            await anext(results)
            return time.monotonic() - start

    assert with_connection(work) < 20


def test_a_result_that_was_held_back_says_for_how_long(helper: str) -> None:
    first, _ = carry_out(sh("true"), sh("sleep 0.06"))
    # the twin in sh holds nothing back
    assert first.held >= 0.06 if helper == "python" else first.held == 0


def test_umask_and_directory_of_one_item_do_not_stay(tmp_path: Path) -> None:
    first, second = carry_out(sh("umask 0; cd /; pwd", directory=str(tmp_path)), sh("umask; pwd"))
    assert first.result["stdout"] == "/"
    assert second.result["stdout"].split() == [f"{os.umask(0o022) or 0o022:04o}", str(Path.cwd())]
