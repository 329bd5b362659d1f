"""Every module that is for boards too: in check mode, with a diff, done, and done again."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.records import record
from tests.support.boards import do, reached

if TYPE_CHECKING:
    from pathlib import Path


@record(kw_only=True)
class Case:
    """What a task does on a board.

    Attributes:
        module: that is used.
        arguments: of the task.
        check: what its result has in check mode, before it was ever done.
        done: what its result has then.
        again: what it has the second time.
        diff: a word of its diff; None: it has none.
        made: path on the board -> content; None: nothing is there.
    """

    module: str
    arguments: dict[str, Any]
    check: dict[str, Any]
    done: dict[str, Any]
    again: dict[str, Any]
    diff: str | None = None
    made: dict[str, str | None] | None = None


CHANGED: dict[str, Any] = {"changed": True}
SAME: dict[str, Any] = {"changed": False}
SKIPPED: dict[str, Any] = {"changed": False, "skipped": True}


def once(module: str, diff: str | None, made: dict[str, str | None], **arguments: Any) -> Case:
    """A task that changes something once."""
    return Case(
        module=module, arguments=arguments, check=CHANGED, done=CHANGED, again=SAME, diff=diff, made=made
    )


def looks(module: str, result: dict[str, Any], **arguments: Any) -> Case:
    """A task that only looks."""
    found = {**SAME, **result}
    return Case(module=module, arguments=arguments, check=found, done=found, again=found)


# in their order; each finds what those before it have made
CASES = [
    looks("ping", {"ping": "pong"}),
    once("file", "'state': 'directory'", {}, path="/lib", state="directory"),
    once("copy", "beacon = 1", {"/lib/beacon.py": "beacon = 1\n"}, src="beacon.py", dest="/lib/"),
    once("copy", "told", {"/told.txt": "told"}, content="told", dest="/told.txt"),
    once("template", "rate = 4.5", {"/board.py": "rate = 4.5\n"}, src="board.py.j2", dest="/board.py"),
    once(
        "lineinfile", "rate = 5", {"/board.py": "rate = 4.5\nrate = 5\n"}, path="/board.py", line="rate = 5"
    ),
    looks("stat", {}, path="/lib/beacon.py"),
    looks("slurp", {"content": "YmVhY29uID0gMQo="}, src="/lib/beacon.py"),
    looks("find", {"matched": 1}, paths="/lib", patterns="*.py"),
    Case(
        module="fetch",
        arguments={"src": "/lib/beacon.py", "dest": "fetched/", "flat": True},
        check={},
        done=CHANGED,
        again=SAME,
    ),
    once("sync", "pump", {"/app/pump.py": "pump\n", "/app/deep/one.py": "one\n"}, src="app/", dest="/app"),
    once(
        "sync",
        None,
        {"/app/pump.py": "pump\n", "/app/deep/one.py": None},
        src="less/",
        dest="/app",
        delete=True,
    ),
    once("mip", "pulse", {"/lib/pulse/__init__.py": "pulse = 2\n"}, name=["pulse/package.json"]),
    Case(
        module="script",
        arguments={"free_form": "calibrate.py --pump 2"},
        check=SKIPPED,
        done={**CHANGED, "rc": 0, "stdout": "['calibrate.py', '--pump', '2']\n"},
        again=CHANGED,
    ),
    Case(
        module="script",
        arguments={"cmd": "make.py", "creates": "/made.txt"},
        check=CHANGED,
        done=CHANGED,
        again={**SAME, "skipped": True, "msg": "/made.txt exists, matching creates option"},
        made={"/made.txt": "made"},
    ),
    Case(
        module="repl",
        arguments={"code": "n = 3", "value": "n"},
        check=SKIPPED,
        done={**CHANGED, "value": 3},
        again=CHANGED,
    ),
    once("repl", None, {}, code="m = 4", unless="globals().get('m') == 4"),
    once("program", "state: started", {}, name="pump", script="loop.py"),
    Case(
        module="program",
        arguments={"name": "pump", "state": "absent"},
        check=CHANGED,
        done={**CHANGED, "state": "absent"},
        again={**SAME, "state": "absent"},
        diff="state: absent",
        made={"/main.py": None},
    ),
    looks("assert", {}, that="1 == 1"),
    looks("setup", {}, gather_subset=["platform"]),
    once("file", "'state': 'absent'", {"/lib/beacon.py": None}, path="/lib", state="absent"),
    Case(
        module="reset",
        arguments={"how": "soft"},
        check=CHANGED,
        done={**CHANGED, "how": "soft"},
        again={**CHANGED, "how": "soft"},
    ),
    Case(
        module="wait_for_connection",
        arguments={"timeout": 30},
        check=SKIPPED,
        done=SAME,
        again=SAME,
    ),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Files of a project."""
    package = {"version": "1.2", "urls": [["pulse/__init__.py", "source.py"]]}
    files = {
        "files/beacon.py": "beacon = 1\n",
        "templates/board.py.j2": "rate = {{ 4.5 }}\n",
        "app/pump.py": "pump\n",
        "less/pump.py": "pump\n",
        "app/deep/one.py": "one\n",
        "pulse/package.json": json.dumps(package),
        "pulse/source.py": "pulse = 2\n",
        "calibrate.py": "import sys\nprint(sys.argv)\n",
        "make.py": "with open('/made.txt', 'w') as f:\n    f.write('made')\n",
        "loop.py": "import time\nwhile True:\n    time.sleep(0.01)\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def holds(result: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return wanted.items() <= result.items()


def snapshot(root: Path) -> dict[str, bytes]:
    """What the board's files hold; what a program's runner notes while it runs is left aside."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b""
        for path in root.rglob("*")
        if path.parent.name != "hivectl" or path.suffix
    }


@pytest.mark.parametrize("driver", ["serial", "webrepl"])
def test_each_module_checks_does_and_does_again(project: Path, driver: str) -> None:
    async def main() -> None:
        async with reached(project, driver) as (_, session):
            root = project / "board/files"
            for number, case in enumerate(CASES):
                arguments = {**case.arguments}
                if case.module == "fetch":
                    arguments["dest"] = f"{project}/{arguments['dest']}"
                told = f"{number}: {case.module} {case.arguments}"
                before = snapshot(root)
                # a run's check pretends what its earlier tasks would have made
                how: dict[str, Any] = {"check": True, "diff": True, "run": f"check {number}"}
                checked = await do(session, project, case.module, **how, **arguments)
                assert holds(checked, case.check), (told, checked)
                assert not checked.get("failed"), (told, checked)
                assert snapshot(root) == before, told
                if case.diff is not None:
                    assert case.diff in str(checked.get("diff")), (told, checked)
                done = await do(session, project, case.module, diff=True, **arguments)
                assert holds(done, case.done), (told, done)
                assert not done.get("failed"), (told, done)
                if case.diff is not None:
                    assert case.diff in str(done.get("diff")), (told, done)
                again = await do(session, project, case.module, diff=True, **arguments)
                assert holds(again, case.again), (told, again)
                for path, content in (case.made or {}).items():
                    place = root / path[1:]
                    assert (place.read_text() if place.exists() else None) == content, told

    asyncio.run(main())
    assert (project / "fetched/beacon.py").read_text() == "beacon = 1\n"
