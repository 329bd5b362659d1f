"""Tasks on a system, by ansible-core and by us, each in a world of its own: the same changes, the same end state.

A world is a mount namespace, with a host name of its own, in which a folder is /mnt and other folders lie over /etc, /home and the like, so that
real tools (useradd, apt-get, crontab) do real work which the machine itself never sees. After each task a shell says
what has become of the world.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
# the system's own files that tools of accounts change
PRIVATE_ETC = """
cp -a /etc /mnt/etc
mount --bind /mnt/etc /etc
mkdir -p /mnt/home /mnt/mail
mount --bind /mnt/home /home
mount --bind /mnt/mail /var/mail
"""


@dataclass(frozen=True, kw_only=True)
class Act:
    """One task of a world.

    Attributes:
        name: of the task; for messages.
        module: which module.
        arguments: of the module; paths in the world begin with /mnt.
        keys: what of the result is compared beside changed and failed.
        check: in check mode.
        diff: with a diff.
        before: shell commands that change the world first.
        environment: of the task.
        theirs: what ansible-core is given in place of `arguments`.
    """

    name: str
    module: str
    arguments: dict[str, Any]
    keys: tuple[str, ...] = ()
    check: bool = False
    diff: bool = False
    before: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    theirs: dict[str, Any] | None = None


def act(name: str, module: str, arguments: dict[str, Any], *keys: str, **more: Any) -> Act:
    """Return an act; `keys` of the result are compared."""
    return Act(name=name, module=module, arguments=arguments, keys=keys, **more)


def assert_same_in_worlds(
    acts: Sequence[Act],
    folder: Path,
    *,
    prepare: str,
    state: str,
    end: str = "",
    without_python: bool = False,
) -> dict[str, list[dict[str, Any]]]:
    """Do all acts in order, in both ways, and fail with every difference; return both sides' results.

    Args:
        acts: the table.
        folder: an empty one.
        prepare: shell commands that make a new world; /mnt is its folder.
        state: shell commands that print what is compared after each act.
        end: shell commands that end what runs in a world.
        without_python: a third time, by the helper for nodes without Python ("plain").
    """
    from tests.support.as_ansible import lacking

    _write(acts, folder, state)
    mine = ("ours", "plain") if without_python else ("ours",)
    sides = {side: _live(side, folder, prepare, end) for side in ("ansible", *mine)}
    found = []
    for side in mine:
        for one, theirs, ours in zip(acts, sides["ansible"], sides[side], strict=True):
            # a check need not know all
            if not one.check and (names := lacking(ours["result"], theirs["result"])):
                found.append(f"{one.name}: {side} returns no {', '.join(names)}")
            for what in ("told", "state"):
                if theirs[what] != ours[what]:
                    found.append(f"{one.name} ({what}):\n  {side:8}{ours[what]}\n  ansible {theirs[what]}")
                    found.append(f"  we said {_words(ours)}\n  ansible {_words(theirs)}")
    assert not found, "\n".join(found)
    return sides


def ours_in_world(
    acts: Sequence[Act], folder: Path, *, prepare: str, state: str, end: str = ""
) -> list[dict[str, Any]]:
    """Do all acts in our way alone; return for each its `result`, and the `state` of the world after it."""
    _write(acts, folder, state)
    return _live("ours", folder, prepare, end)


def _write(acts: Sequence[Act], folder: Path, state: str) -> None:
    (folder / "acts.json").write_text(json.dumps([asdict(one) for one in acts]))
    (folder / "state.sh").write_text(state)


def _words(side: dict[str, Any]) -> str:
    return str(side["result"].get("msg") or side["result"])[:600]


def in_world(folder: Path, script: str, *argv: str, prepare: str = "") -> subprocess.CompletedProcess[str]:
    """Run shell commands, then a program, in a world whose /mnt is `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = f'set -e\nmount --bind "$WORLD" /mnt\n{prepare}\n{script}'
    return subprocess.run(
        [
            "unshare",
            "-mu" if os.geteuid() == 0 else "-rmu",
            "--propagation",
            "private",
            "sh",
            "-c",
            whole,
            "sh",
            *argv,
        ],
        env={**os.environ, "WORLD": str(folder), "PYTHONPATH": str(ROOT), "HOME": "/mnt/root"},
        capture_output=True,
        text=True,
        check=False,
    )


def _live(side: str, folder: Path, prepare: str, end: str) -> list[dict[str, Any]]:
    told = folder / f"{side}.json"
    script = f'mkdir -p /mnt/root\n{{ "$@"; code=$?; }} || code=$?\n{end}\nexit $code'
    done = in_world(
        folder / side, script, sys.executable, __file__, side, str(folder), str(told), prepare=prepare
    )
    assert done.returncode == 0, f"{side}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    results: list[dict[str, Any]] = json.loads(told.read_text())
    return results


def _told(result: dict[str, Any], one: Act) -> dict[str, Any]:
    return {
        "changed": bool(result.get("changed")),
        "failed": bool(result.get("failed")),
        **{key: result.get(key) for key in one.keys},
    }


# what ansible-core starts for each act: the world is changed before it and told after it
AROUND = """\
#!/bin/sh
[ -z "$ACT" ] || [ -e {folder}/states/$ACT.begun ] || {{ : > {folder}/states/$ACT.begun; sh -c "$BEFORE" >&2; }}
{python} "$@"
code=$?
[ -z "$ACT" ] || sh {folder}/state.sh > {folder}/states/$ACT
exit $code
"""


def _by_ansible(acts: list[Act], folder: Path) -> list[tuple[dict[str, Any], str]]:
    from tests.support.ansible_python import quick_python
    from tests.support.as_ansible import run_ansible

    tasks: list[dict[str, Any]] = []
    for module, group in groupby(enumerate(acts), key=lambda numbered: numbered[1].module):
        items = [
            {
                "name": one.name,
                "arguments": one.arguments if one.theirs is None else one.theirs,
                "check": one.check,
                "diff": one.diff,
                "environment": {**one.environment, "ACT": str(number), "BEFORE": one.before},
            }
            for number, one in group
        ]
        tasks.append(
            {
                module: {},
                "args": "{{ act.arguments }}",
                "loop": items,
                "loop_control": {"loop_var": "act", "label": "{{ act.name }}"},
                "check_mode": "{{ act.check }}",
                "diff": "{{ act.diff }}",
                "environment": "{{ act.environment }}",
                "register": f"told_{len(tasks)}",
                "ignore_errors": True,
            }
        )
    names = " + ".join(f"told_{number}.results" for number in range(len(tasks)))
    tasks.append(
        {"copy": {"content": "{{ (" + names + ") | to_json }}", "dest": "/mnt/told.json"}, "no_log": True}
    )
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "tasks": tasks}
    (folder / "play.json").write_text(json.dumps([play]))
    (folder / "states").mkdir()
    with quick_python(folder / "p") as python:
        around = folder / "around"
        around.write_text(AROUND.format(folder=folder, python=python))
        around.chmod(0o755)
        run_ansible(folder, "play.json", python=around)
    told = json.loads(Path("/mnt/told.json").read_text())
    states = [(folder / "states" / str(number)).read_text().rstrip("\n") for number in range(len(acts))]
    return list(zip(told, states, strict=True))


def _by_us(acts: list[Act], folder: Path, shell: str = "") -> list[tuple[dict[str, Any], str]]:
    from hivectl.model.errors import Complaints, InputError
    from tests.support.tasks import TaskOnThisMachine, connect, perform

    async def whole() -> list[tuple[dict[str, Any], str]]:
        connection = await connect(folder / ".state", shell=shell)
        context = TaskOnThisMachine(folder=folder, open_connection=connection)
        results = []
        try:
            for number, one in enumerate(acts):
                if one.before:
                    _shell(one.before)
                seen = replace(
                    context, run=str(number), check=one.check, diff=one.diff, environment=one.environment
                )
                try:
                    result = await perform(one.module, one.arguments, seen)
                except (Complaints, InputError) as refused:
                    result = {"changed": False, "failed": True, "msg": str(refused)}
                results.append((result, _shell(f"sh {folder}/state.sh")))
        finally:
            await connection.close()
        return results

    return asyncio.run(whole())


def _shell(text: str) -> str:
    done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, check=True)
    return done.stdout.rstrip("\n")


def main() -> None:
    """Live in a world: do the acts of a folder and write down what was said and what became of it."""
    side, folder, told = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    acts = [
        Act(**{**one, "keys": tuple(one["keys"])}) for one in json.loads((folder / "acts.json").read_text())
    ]
    if side == "ansible":
        results = _by_ansible(acts, folder)
    else:
        results = _by_us(acts, folder, "/bin/dash" if side == "plain" else "")
    told.write_text(
        json.dumps(
            [
                {"told": _told(result, one), "state": state, "result": result}
                for one, (result, state) in zip(acts, results, strict=True)
            ]
        )
    )


if __name__ == "__main__":
    main()
