"""The same tasks by ansible-core, called as a program, and by us: the same end state and the same `changed`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.ansible_cases import CASES, SOURCES, TURNS, VARIABLES, Case
from tests.support.tasks import TaskOnThisMachine, connect, perform

if TYPE_CHECKING:
    from collections.abc import Iterator

# how often it was looked at, and when, and where, is not the same in two trees
STAT_VARIES = frozenset(
    {"atime", "ctime", "mtime", "inode", "path", "attributes", "mimetype", "charset", "attr_flags", "version"}
)


def plant(root: Path) -> None:
    for one in CASES:
        tree = root / one.name
        for path, text in one.files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
            (tree / path).chmod(0o644)
        for path, target in one.links.items():
            (tree / path).symlink_to(target)
        for path, mode in one.modes.items():
            (tree / path).chmod(mode)


def state_of(root: Path) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        mode = f"{path.lstat().st_mode & 0o7777:04o}"
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()).replace(str(root), ""))
        elif path.is_dir():
            found[name] = ("directory", mode)
        else:
            # the name of a backup holds a time and a process
            name = name.split("~", maxsplit=1)[0].partition(".txt.")[0] + (
                ".backup" if ".txt." in name else ""
            )
            found[name] = ("file", mode, path.read_bytes(), path.stat().st_nlink)
    return found


def filled(value: Any, tree: Path) -> Any:
    if isinstance(value, str):
        return value.replace("{tree}", str(tree))
    if isinstance(value, dict):
        return {key: filled(item, tree) for key, item in value.items()}
    return [filled(item, tree) for item in value] if isinstance(value, list) else value


def make_sources(folder: Path) -> None:
    for name, text in SOURCES.items():
        path = folder / ("templates" if name.endswith(".j2") else "files") / name
        if name.endswith("/"):
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o640)


def play_of(folder: Path, tree: Path) -> dict[str, Any]:
    tasks: list[dict[str, Any]] = []
    for turn, cases in TURNS.items():
        tasks += [
            {
                "name": f"{turn} {one.name}",
                one.module: filled(one.arguments, tree / one.name),
                "register": f"{turn}_{one.name}",
                "ignore_errors": True,
            }
            for one in cases
        ]
        results = ", ".join(f"'{one.name}': {turn}_{one.name}" for one in cases)
        content = "{{ {" + results + "} | to_json }}"
        tasks.append({"copy": {"content": content, "dest": str(folder / f"{turn}.json")}})
        tasks.append({"command": f"cp -a {tree} {folder}/ansible-{turn}"})
    return {"hosts": "all", "connection": "local", "gather_facts": False, "vars": VARIABLES, "tasks": tasks}


def by_ansible(program: str, folder: Path) -> dict[str, dict[str, Any]]:
    """Run the whole table in one playbook; return the results by turn and case."""
    tree = folder / "ansible"
    plant(tree)
    (folder / "ansible.cfg").touch()
    (folder / "play.json").write_text(json.dumps([play_of(folder, tree)]))
    environment = {
        **os.environ,
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        [program, "-i", "n1,", "-e", f"ansible_python_interpreter={sys.executable}", "play.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {turn: json.loads((folder / f"{turn}.json").read_text()) for turn in TURNS}


def by_us(folder: Path) -> dict[str, dict[str, Any]]:
    tree = folder / "ours"
    plant(tree)

    async def whole() -> dict[str, dict[str, Any]]:
        connection = await connect(folder / ".state")
        results: dict[str, dict[str, Any]] = {}
        try:
            context = TaskOnThisMachine(folder=folder, open_connection=connection, variables=VARIABLES)
            for turn, cases in TURNS.items():
                results[turn] = {
                    one.name: await perform(one.module, filled(one.arguments, tree / one.name), context)
                    for one in cases
                }
                # shutil would make two files of a hard link
                subprocess.run(["cp", "-a", tree, folder / f"ours-{turn}"], check=True)  # noqa: ASYNC221
        finally:
            await connection.close()
        return results

    return asyncio.run(whole())


def told(result: dict[str, Any], one: Case) -> Any:
    words: dict[str, Any] = {
        "changed": bool(result.get("changed")),
        "failed": bool(result.get("failed")),
        **{key: result.get(key) for key in one.keys},
    }
    if one.module == "stat" and "isreg" in result.get("stat", {}):
        words["stat"] = {key: value for key, value in result["stat"].items() if key not in STAT_VARIES}
    return json.loads(json.dumps(words).replace("/ansible/", "/tree/").replace("/ours/", "/tree/"))


def differences(
    folder: Path, ansible: dict[str, dict[str, Any]], ours: dict[str, dict[str, Any]]
) -> Iterator[str]:
    for turn, cases in TURNS.items():
        for one in cases:
            pairs = [
                (told(ours[turn][one.name], one), told(ansible[turn][one.name], one)),
                (
                    state_of(folder / f"ours-{turn}" / one.name),
                    state_of(folder / f"ansible-{turn}" / one.name),
                ),
            ]
            for mine, theirs in pairs:
                if mine != theirs:
                    yield f"{one.name}, {turn} time:\n  ours    {mine}\n  ansible {theirs}"


# one test, not one for each task: the playbook is run once, whoever divides the tests among processes
def test_says_and_does_what_ansible_does(tmp_path: Path) -> None:
    beside = str(Path(sys.executable).parent)
    program = os.environ.get("ANSIBLE_PLAYBOOK") or shutil.which(
        "ansible-playbook", path=f"{beside}:{os.environ['PATH']}"
    )
    assert program, "ansible-core is not installed: it is in the dependency group `test`"
    make_sources(tmp_path)

    found = list(differences(tmp_path, by_ansible(program, tmp_path), by_us(tmp_path)))

    assert not found, "\n".join(found)
