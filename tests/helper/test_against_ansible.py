"""The same tasks by ansible-core and by the helper leave the same files and say the same of them.

One ansible-playbook process works through the table, a host for each case; ansible-core is only ever run, never imported.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.helper.operations import (
    Attributes,
    Batch,
    Content,
    Directory,
    Edit,
    Link,
    Operation,
    Remove,
    Touch,
    Write,
)
from tests.support.helper import items_of, results_of, with_connection

if TYPE_CHECKING:
    from collections.abc import Callable

BESIDE = Path(sys.executable).with_name("ansible-playbook")
ANSIBLE = str(BESIDE) if BESIDE.exists() else shutil.which("ansible-playbook")
# line editing: (text, arguments); the file is `f`
LINES: list[tuple[str, dict[str, Any]]] = [
    ("a\nb\n", {"line": "c"}),
    ("a\nb", {"line": "c"}),
    ("a\nb", {"line": "b"}),
    ("a\nb\nc\n", {"line": "x", "insertafter": "a"}),
    ("a\nb\na\nc\n", {"line": "x", "insertafter": "^a", "firstmatch": True}),
    ("a\nb\na\nc\n", {"line": "x", "insertbefore": "^a"}),
    ("a\nb\na\n", {"line": "x", "insertbefore": "BOF"}),
    ("a\nx\nb\n", {"line": "x", "insertafter": "^a", "regexp": "^nothing"}),
    ("k=1\nk=2\n", {"line": "k=3", "regexp": "^k="}),
    ("k=1\nk=2\n", {"line": "k=3", "regexp": "^k=", "firstmatch": True}),
    ("k=1\n", {"line": "k=\\1\\1", "regexp": "^k=(.)", "backrefs": True}),
    ("x\n", {"line": "k=\\1", "regexp": "^k=(.)", "backrefs": True}),
    ("k = [1]\nk = 1\n", {"line": "y", "search_string": "k = [1]"}),
    ("a\nb\na\n", {"regexp": "^a", "state": "absent"}),
    ("a\nab\na", {"line": "a", "state": "absent"}),
    ("a\r\nb\r\n", {"line": "a"}),
    ("a\r\nb\r\n", {"line": "c", "insertafter": "^a"}),
    ("x\ny\n", {"line": "y", "insertbefore": "^x"}),
    ("x\ny\nx\n", {"line": "z", "insertbefore": "^y", "regexp": "^z"}),
    ("#Port 22\nPort 23\n", {"line": "Port 24", "regexp": "^#?Port"}),
]
BLOCKS: list[tuple[str, dict[str, Any]]] = [
    ("a\nb\n", {"block": "x\ny\n"}),
    ("a\nb", {"block": "x"}),
    ("a\nb\nc\n", {"block": "x", "insertafter": "^a"}),
    ("a\nb\nc\n", {"block": "x", "insertbefore": "^b", "marker": "; {mark} us"}),
    ("a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nb\n", {"block": "new"}),
    ("a\n# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nb\n", {"state": "absent"}),
    ("a\nb\n", {"block": "x", "insertafter": "^a", "append_newline": True, "prepend_newline": True}),
]
REPLACES: list[tuple[str, dict[str, Any]]] = [
    ("foo\nbar foo\n", {"regexp": "foo$", "replace": "baz"}),
    ("a 1\nb 2\nc 3\n", {"regexp": r"(\w) (\d)", "replace": r"\2 \1", "after": "a 1", "before": "c"}),
]


def nothing_before(_folder: Path) -> None:
    """Leave the folder empty."""


@dataclass(frozen=True)
class Case:
    """The same task twice: `module` with `arguments` for Ansible, `make` for us; DIR stands for the folder."""

    module: str
    arguments: dict[str, Any]
    make: Callable[[str], Operation]
    before: Callable[[Path], Any] = nothing_before
    same: tuple[str, ...] = ()


def file_with(text: str) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        (folder / "f").write_text(text, newline="")
        (folder / "f").chmod(0o640)

    return make


def edit_case(module: str, rule: Any, text: str, arguments: dict[str, Any]) -> Case:
    return Case(
        module,
        {"path": "DIR/f", **arguments},
        lambda folder: Edit(path=f"{folder}/f", edit=rule, arguments=arguments),
        file_with(text),
        ("msg",) if module == "lineinfile" else (),
    )


FILE_KEYS = ("mode", "owner", "group", "uid", "gid", "state")


def file_case(
    arguments: dict[str, Any],
    make: Callable[[str], Operation],
    before: Callable[[Path], Any] = nothing_before,
) -> Case:
    return Case("file", arguments, make, before, FILE_KEYS)


def copy_case(before: Callable[[Path], Any] = nothing_before, **arguments: Any) -> Case:
    ours = {
        name: value for name, value in arguments.items() if name in {"force", "follow", "backup", "validate"}
    }
    attributes = Attributes(mode=arguments.get("mode"))
    return Case(
        "copy",
        {"dest": "DIR/f", "content": "new\n", **arguments},
        lambda folder: Write(path=f"{folder}/f", content=Content.of(b"new\n"), attributes=attributes, **ours),
        before,
        () if arguments.get("force") is False else ("checksum", "size", *FILE_KEYS),
    )


def link_to_target(folder: Path) -> None:
    (folder / "target").write_text("old\n")
    (folder / "f").symlink_to("target")


def tree(folder: Path) -> None:
    (folder / "f/a").mkdir(parents=True)
    (folder / "f/a/x").write_text("x")
    (folder / "f/a/x").chmod(0o755)


MODES = ("u+x,g-r", "u=rwX,go=", "go=u-w", "u+s,o+t")
CASES: list[Case] = [
    *(edit_case("lineinfile", "line", *row) for row in LINES),
    *(edit_case("blockinfile", "block", *row) for row in BLOCKS),
    *(edit_case("replace", "replace", *row) for row in REPLACES),
    copy_case(),
    copy_case(file_with("old\n")),
    copy_case(file_with("new\n"), mode="0600"),
    copy_case(file_with("old\n"), force=False),
    copy_case(link_to_target),
    copy_case(link_to_target, follow=True),
    *(
        file_case(
            {"path": "DIR/f", "mode": mode},
            lambda folder, mode=mode: Touch(path=f"{folder}/f", attributes=Attributes(mode=mode)),  # type: ignore[misc]
            file_with("x\n"),
        )
        for mode in MODES
    ),
    file_case(
        {"path": "DIR/a/b", "state": "directory", "mode": "0710"},
        lambda folder: Directory(path=f"{folder}/a/b", attributes=Attributes(mode="0710")),
    ),
    file_case(
        {"path": "DIR/f", "state": "directory", "mode": "u=rwX,g=rX,o=", "recurse": True},
        lambda folder: Directory(
            path=f"{folder}/f", recurse=True, attributes=Attributes(mode="u=rwX,g=rX,o=")
        ),
        tree,
    ),
    file_case(
        {"path": "DIR/f", "state": "directory"}, lambda folder: Directory(path=f"{folder}/f"), file_with("x")
    ),
    file_case(
        {"path": "DIR/l", "src": "f", "state": "link"},
        lambda folder: Link(path=f"{folder}/l", source="f"),
        file_with("x"),
    ),
    file_case(
        {"path": "DIR/l", "src": "no", "state": "link"}, lambda folder: Link(path=f"{folder}/l", source="no")
    ),
    Case(
        "file",
        {"path": "DIR/l", "src": "no", "state": "link", "force": True},
        lambda folder: Link(path=f"{folder}/l", source="no", force=True),
    ),
    file_case(
        {"path": "DIR/f", "src": "/etc", "state": "link"},
        lambda folder: Link(path=f"{folder}/f", source="/etc"),
        file_with("x"),
    ),
    file_case(
        {"path": "DIR/f", "src": "/etc", "state": "link", "force": True},
        lambda folder: Link(path=f"{folder}/f", source="/etc", force=True),
        tree,
    ),
    file_case(
        {"path": "DIR/h", "src": "DIR/f", "state": "hard"},
        lambda folder: Link(path=f"{folder}/h", source=f"{folder}/f", hard=True),
        file_with("x"),
    ),
    Case(
        "file",
        {"path": "DIR/f", "state": "absent"},
        lambda folder: Remove(path=f"{folder}/f"),
        tree,
        ("state",),
    ),
    Case(
        "file",
        {"path": "DIR/n", "state": "absent"},
        lambda folder: Remove(path=f"{folder}/n"),
        tree,
        ("state",),
    ),
    file_case({"path": "DIR/n", "state": "touch"}, lambda folder: Touch(path=f"{folder}/n", make=True)),
    file_case({"path": "DIR/n", "state": "file"}, lambda folder: Touch(path=f"{folder}/n", regular=True)),
]


def state_of(folder: Path) -> dict[str, Any]:
    """Return what is in a folder, whatever the folder is called."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.is_symlink():
            found[str(path.relative_to(folder))] = str(path.readlink())
        else:
            content = path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(folder))] = (
                oct(stat.S_IMODE(status.st_mode)),
                status.st_nlink,
                content,
            )
    return found


def by_ansible(root: Path) -> dict[int, dict[str, Any]]:
    """Work through the table with ansible-playbook; return each host's last result."""
    hosts: dict[str, Any] = {}
    for number, case in enumerate(CASES):
        folder = root / str(number)
        folder.mkdir(parents=True)
        case.before(folder)
        arguments = json.loads(json.dumps(case.arguments).replace("DIR", str(folder)))
        hosts.setdefault(case.module, {"hosts": {}})["hosts"][f"case{number}"] = {"arguments": arguments}
    everything = {"connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {
        "all": {
            "vars": {f"ansible_{k}" if k == "connection" else k: v for k, v in everything.items()},
            "children": hosts,
        }
    }
    plays = [
        {
            "hosts": module,
            "gather_facts": False,
            "strategy": "free",
            "tasks": [{"name": module, module: "{{ arguments }}"}],
        }
        for module in hosts
    ]
    (root / "inventory.json").write_text(json.dumps(inventory))
    (root / "ansible.cfg").touch()
    (root / "play.json").write_text(json.dumps(plays))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(root / "ansible.cfg"),
        "ANSIBLE_HOME": str(root / "home"),
        "ANSIBLE_LOCAL_TEMP": str(root / "home/tmp"),
        "ANSIBLE_REMOTE_TEMP": str(root / "home/tmp"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_INJECT_FACT_VARS": "0",
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.tree",
        "ANSIBLE_CALLBACK_TREE_DIR": str(root / "results"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "LC_ALL": "C.UTF-8",
    }
    assert ANSIBLE is not None
    # its exit status says that some cases fail, as they shall
    ended = subprocess.run(
        [ANSIBLE, "-i", root / "inventory.json", "-f", "4", root / "play.json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    results = {}
    for path in (root / "results").glob("case*"):
        result = json.loads(path.read_text())
        result["failed"] = f"fatal: [{path.name}]: FAILED!" in ended.stdout
        results[int(path.name.removeprefix("case"))] = result
    assert len(results) == len(CASES), ended.stdout[-2000:] + ended.stderr[-2000:]
    return results


def by_helper(root: Path) -> dict[int, dict[str, Any]]:
    """Do the same by the helper."""
    operations = []
    for number, case in enumerate(CASES):
        folder = root / str(number)
        folder.mkdir(parents=True)
        case.before(folder)
        operations.append(case.make(str(folder)))

    async def work(connection: Any) -> dict[int, dict[str, Any]]:
        found = {}
        for number, operation in enumerate(operations):
            (result,) = await results_of(connection, Batch(run="run", items=items_of([operation])))
            found[number] = result.result
        return found

    return dict(with_connection(work))


@pytest.mark.skipif(ANSIBLE is None, reason="ansible-core is not installed")
def test_same_as_ansible(tmp_path: Path) -> None:
    os.umask(0o022)
    theirs, ours = by_ansible(tmp_path / "theirs"), by_helper(tmp_path / "ours")
    differences = []
    for number, case in enumerate(CASES):
        their, our = theirs[number], ours[number]
        what = f"{number} {case.module} {case.arguments}"
        differences += [
            f"{what}: {key}: {their} and not {our}"
            for key in ("changed", "failed")
            if bool(their.get(key)) != bool(our.get(key))
        ]
        if not their.get("failed"):
            differences += [
                f"{what}: {key}: {their.get(key)!r} and not {our.get(key)!r}"
                for key in case.same
                if their.get(key) != our.get(key)
            ]
        states = state_of(tmp_path / "theirs" / str(number)), state_of(tmp_path / "ours" / str(number))
        if states[0] != states[1]:
            differences.append(f"{what}: left {states[0]} and not {states[1]}")
    shutil.rmtree(tmp_path / "theirs")
    assert not differences, "\n".join(differences)
