"""The same tasks by ansible-core, called as a program, and by us: the same end state and the same result.

All cases of a table are done in one ansible-playbook run, many in one looped task, with an interpreter that starts
quickly (ansible_python.py): about 50 ms for each case. A case has a folder of its own in each of two trees. What may
be done again is done a second time, so that it is seen to change nothing more (or the same as Ansible's).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, InputError
from tests.support.ansible_python import quick_python
from tests.support.tasks import TaskOnThisMachine, connect, perform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

BASE = {"file.txt": "alpha\nbeta\ngamma\n", "dir/inner.txt": "inner\n"}
BACKUP = re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~$")
# seconds since the epoch: when what is there before was made
PLANTED = 1_600_000_000
# what carries out our side once more, as on a node without Python
SHELL = "/bin/dash"
TOLD = "told to the test"
TURNS = ("first", "second")
# what Ansible says of how it did a thing, which is not ours; and what is a task's, not a module's
NOT_RETURNED = frozenset(
    {"act", "ansible_loop_var", "case", "diff", "extract_results", "failed", "invocation", "warnings", TOLD}
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One task; {tree} in its arguments is the folder that the node's files are in.

    Attributes:
        name: unique in its table; the folder's name too.
        arguments: of the module; a text is its free form.
        module: where it is not the table's.
        files: path -> text that is there before; `BASE` if nothing is said.
        links: path -> what it points at.
        modes: path -> permissions.
        prepare: makes what else shall be there, given the case's folder.
        keys: what of the result is compared as well; "a.b" is inside of "a".
        picked: makes of the result what is compared, where keys do not do.
        check: in check mode.
        diff: with a diff.
        again: done a second time.
        times: modification times of files are compared as well.
        environment: of the task.
    """

    name: str
    arguments: Any
    module: str = ""
    files: Mapping[str, str] = field(default_factory=lambda: BASE)
    links: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    prepare: Callable[[Path], object] | None = None
    keys: tuple[str, ...] = ()
    picked: Callable[[dict[str, Any]], Any] | None = None
    check: bool = False
    diff: bool = False
    again: bool = True
    times: bool = False


def case(name: str, arguments: Any, *keys: str, **more: Any) -> Case:
    """Return a case; `keys` of the result are compared."""
    return Case(name=name, arguments=arguments, keys=keys, **more)


def fails(name: str, arguments: Any, *keys: str, **more: Any) -> Case:
    """Return a case that is done once, because it fails."""
    return Case(name=name, arguments=arguments, keys=keys, again=False, **more)


def looks(name: str, arguments: Any, *keys: str, **more: Any) -> Case:
    """Return a case in check mode, done once, because it does nothing."""
    return Case(name=name, arguments=arguments, keys=keys, again=False, check=True, **more)


def assert_as_ansible(
    module: str,
    cases: Sequence[Case],
    folder: Path,
    *,
    sources: Mapping[str, str] | None = None,
    variables: Mapping[str, Any] | None = None,
    filled: Mapping[str, str] | None = None,
    without_python: bool = False,
) -> None:
    """Do every case in both ways and fail with every difference.

    Args:
        module: of the cases that name no other.
        cases: the table.
        folder: an empty one.
        sources: files beside the playbook: path -> text; with a slash behind it an empty folder.
        variables: of the play.
        filled: name -> what {name} stands for in arguments.
        without_python: a third time, by the helper for nodes without Python.
    """
    table = [replace(one, module=one.module or module) for one in cases]
    names = [one.name for one in table]
    assert len(set(names)) == len(names), "two cases have one name"
    for path, text in (sources or {}).items():
        place = folder / path
        if path.endswith("/"):
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o640)
    bench = Bench(table, folder, dict(variables or {}), dict(filled or {}))
    theirs, ours = bench.by_ansible(), bench.by_us()
    found = list(bench.differences(theirs, ours))
    if without_python:
        found += bench.differences(theirs, bench.by_us("bare-sh", SHELL), "bare-sh")
    assert not found, f"{len(found)} differences\n" + "\n".join(found)


@dataclass(frozen=True)
class Bench:
    """One table, and the folder in which it is worked through."""

    cases: Sequence[Case]
    folder: Path
    variables: dict[str, Any]
    filled: dict[str, str]

    def in_turn(self, turn: str) -> list[Case]:
        return [one for one in self.cases if turn == "first" or one.again]

    def by_ansible(self) -> dict[str, dict[str, Any]]:
        """Do all cases in one playbook; return the results by turn and case."""
        tree = self.folder / "ansible"
        self._plant(tree)
        (self.folder / "play.json").write_text(json.dumps([self._play(tree)]))
        with quick_python(self.folder / "p") as python:
            run_ansible(self.folder, "play.json", python=python)
        results: dict[str, dict[str, Any]] = {}
        for turn in TURNS:
            told = json.loads((self.folder / f"{turn}.json").read_text())
            flat = [one for result in told for one in result.get("results", [result])]
            results[turn] = dict(zip([one.name for one in self.in_turn(turn)], flat, strict=True))
        return results

    def by_us(self, side: str = "ours", shell: str = "") -> dict[str, dict[str, Any]]:
        """Do all cases over one connection; return the results by turn and case."""
        tree = self.folder / side
        self._plant(tree)

        async def whole() -> dict[str, dict[str, Any]]:
            connection = await connect(self.folder / ".state", shell=shell)
            context = TaskOnThisMachine(
                folder=self.folder, open_connection=connection, variables=self.variables
            )
            results: dict[str, dict[str, Any]] = {}
            try:
                for turn in TURNS:
                    results[turn] = {
                        one.name: await result_of(
                            one,
                            self._fill(one.arguments, tree / one.name),
                            replace(context, run=f"{turn} {one.name}", check=one.check, diff=one.diff),
                        )
                        for one in self.in_turn(turn)
                    }
                    self._keep(tree, f"{side}-{turn}")
            finally:
                await connection.close()
            return results

        return asyncio.run(whole())

    def differences(
        self, theirs: dict[str, dict[str, Any]], ours: dict[str, dict[str, Any]], side: str = "ours"
    ) -> Iterator[str]:
        for turn in TURNS:
            for one in self.in_turn(turn):
                mine, their = ours[turn][one.name], theirs[turn][one.name]
                # told once: what is picked may be taken away
                if TOLD not in their:
                    their[TOLD] = told(their, one)
                # a check need not know all
                if not one.check and (names := lacking(mine, their)):
                    yield f"{one.name}, {turn} time: {side} returns no {', '.join(names)}"
                pairs = [
                    (told(mine, one), their[TOLD]),
                    (
                        state_of(self.folder / f"{side}-{turn}" / one.name, times=one.times),
                        state_of(self.folder / f"ansible-{turn}" / one.name, times=one.times),
                    ),
                ]
                for left, right in pairs:
                    if left != right:
                        sides = f"{side:8}{_only(left, right)}\n  ansible {_only(right, left)}"
                        yield f"{one.name}, {turn} time:\n  {sides}"
                        yield f"  we said {str(mine.get('msg'))[:300]!r}, ansible {str(their.get('msg'))[:300]!r}"

    def _plant(self, root: Path) -> None:
        begun = time.time() - 60
        for one in self.cases:
            tree = root / one.name
            tree.mkdir(parents=True)
            for path, text in one.files.items():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(text, newline="", encoding="utf-8")
                (tree / path).chmod(0o644)
            for path, target in one.links.items():
                (tree / path).symlink_to(target)
            if one.prepare is not None:
                one.prepare(tree)
            for path, mode in one.modes.items():
                (tree / path).chmod(mode)
            for found in tree.rglob("*"):
                # what is made here is as old in both trees
                if not found.is_symlink() and found.lstat().st_mtime > begun:
                    os.utime(found, (PLANTED, PLANTED))

    def _fill(self, value: Any, tree: Path) -> Any:
        if isinstance(value, str):
            for name, text in {"tree": str(tree), **self.filled}.items():
                value = value.replace(f"{{{name}}}", text)
            return value
        if isinstance(value, dict):
            return {key: self._fill(item, tree) for key, item in value.items()}
        return [self._fill(item, tree) for item in value] if isinstance(value, list) else value

    def _keep(self, tree: Path, name: str) -> None:
        # shutil would make two files of a hard link
        subprocess.run(["cp", "-a", tree, self.folder / name], check=True)

    def _play(self, tree: Path) -> dict[str, Any]:
        tasks: list[dict[str, Any]] = []
        for turn in TURNS:
            made = list(self._tasks(turn, tree))
            tasks += made
            content = "{{ [" + ", ".join(task["register"] for task in made) + "] | to_json }}"
            tasks.append({"copy": {"content": content, "dest": str(self.folder / f"{turn}.json")}})
            tasks.append({"command": {"argv": ["cp", "-a", str(tree), f"{self.folder}/ansible-{turn}"]}})
        return {
            "hosts": "all",
            "connection": "local",
            "gather_facts": False,
            "vars": self.variables,
            "tasks": tasks,
        }

    def _tasks(self, turn: str, tree: Path) -> Iterator[dict[str, Any]]:
        """Yield one task for all neighbours of one module; a free form has its own."""
        number = 0
        for (module, loops), group in groupby(
            self.in_turn(turn), key=lambda one: (one.module, isinstance(one.arguments, dict))
        ):
            cases = list(group)
            for some in [cases] if loops else [[one] for one in cases]:
                number += 1
                task = {"register": f"{turn}_{number}", "ignore_errors": True}
                if not loops:
                    yield {**task, module: self._fill(some[0].arguments, tree / some[0].name)}
                    continue
                items = [
                    {
                        "a": self._fill(one.arguments, tree / one.name),
                        "check": one.check,
                        "diff": one.diff,
                        "name": one.name,
                    }
                    for one in some
                ]
                yield {
                    **task,
                    module: {},
                    "args": "{{ case.a }}",
                    "loop": items,
                    "loop_control": {"loop_var": "case", "label": "{{ case.name }}"},
                    "check_mode": "{{ case.check }}",
                    "diff": "{{ case.diff }}",
                }


def lacking(mine: Mapping[str, Any], their: Mapping[str, Any]) -> list[str]:
    """Return the names of what Ansible returns of a task that went well, and we do not."""
    if their.get("failed"):
        return []
    # its own temporary files mean nothing to anybody
    told_by_them = {
        name for name, value in their.items() if name[0] != "_" and "/.ansible/tmp/" not in str(value)
    }
    return sorted(told_by_them - NOT_RETURNED - mine.keys())


async def result_of(one: Case, arguments: Any, context: TaskOnThisMachine) -> dict[str, Any]:
    """Do a case; what is refused before anything is sent has failed too."""
    try:
        return await perform(one.module, arguments, context)
    except (Complaints, InputError) as refused:
        return {"changed": False, "failed": True, "msg": str(refused)}


def run_ansible(
    folder: Path, playbook: str, *, python: Path | None = None, inventory: str = "n1,"
) -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook in a folder, with nothing of the user's own; fails when it fails.

    Args:
        folder: the playbook's.
        playbook: its name.
        python: interpreter of modules.
        inventory: file, or hosts with a comma.
    """
    beside = str(Path(sys.executable).parent)
    program = os.environ.get("ANSIBLE_PLAYBOOK") or shutil.which(
        "ansible-playbook", path=f"{beside}:{os.environ['PATH']}"
    )
    assert program, "ansible-core is not installed: it is in the dependency group `test`"
    (folder / "ansible.cfg").touch()
    environment = {
        **os.environ,
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [program, "-i", inventory, "-e", f"ansible_python_interpreter={python or sys.executable}", playbook],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def told(result: dict[str, Any], one: Case) -> Any:
    """Return what of a result is compared; both trees have one name."""
    words: dict[str, Any] = {
        "changed": bool(result.get("changed")),
        "failed": bool(result.get("failed")),
        "skipped": bool(result.get("skipped")),
        **{key: _at(result, key) for key in one.keys},
    }
    if one.picked is not None:
        words["picked"] = one.picked(result)
    text = (
        json.dumps(words, sort_keys=True)
        .replace("/ansible/", "/tree/")
        .replace("/ours/", "/tree/")
        .replace("/bare-sh/", "/tree/")
    )
    return json.loads(text)


def _at(result: Any, key: str) -> Any:
    for part in [key] if key in result else key.split("."):
        result = result.get(part) if isinstance(result, dict) else None
    return result


def state_of(root: Path, *, times: bool = False) -> dict[str, tuple[Any, ...]]:
    """Return what is in a folder, with its permissions and owners."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(root.rglob("*")):
        # the name of a backup holds a time and a process
        name = BACKUP.sub(".backup", str(path.relative_to(root)))
        status = path.lstat()
        owned = (f"{status.st_mode & 0o7777:04o}", status.st_uid, status.st_gid)
        if path.is_symlink():
            target = str(path.readlink())
            found[name] = (
                "link",
                target.replace("/ansible/", "/tree/")
                .replace("/ours/", "/tree/")
                .replace("/bare-sh/", "/tree/"),
            )
        elif path.is_dir():
            found[name] = ("directory", *owned)
        elif path.is_file():
            found[name] = ("file", *owned, path.read_bytes(), status.st_nlink)
            if times:
                found[name] += (int(status.st_mtime),)
        else:
            found[name] = ("special", *owned)
    return found


def _only(left: Any, right: Any) -> str:
    """Return what of a mapping the other has not, so that a difference is seen."""
    return str({key: value for key, value in left.items() if key not in right or right[key] != value})[:1500]
