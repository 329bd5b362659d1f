"""`file`: each state on each kind of thing, as ansible-core does it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, case, looks

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("file.txt", "dir", "empty", "to_file", "to_dir", "to_nothing", "twin", "none")
LINKS = {"to_file": "file.txt", "to_dir": "dir", "to_nothing": "nothing"}


def plant(tree: Path) -> None:
    (tree / "empty").mkdir()
    os.link(tree / "dir/inner.txt", tree / "twin")


def on(kind: str, state: str, **more: Any) -> Case:
    name = "_".join(
        [state, kind.replace(".", "_"), *(f"{key}_{value}".replace("/", "") for key, value in more.items())]
    )
    given = {"path": f"{{tree}}/{kind}", "state": state, **more}
    again = state != "touch"
    return case(name, given, links=LINKS, prepare=plant, again=again)


def would(kind: str, state: str, **more: Any) -> Case:
    given = {"path": f"{{tree}}/{kind}", "state": state, **more}
    return looks(f"check_{state}_{kind}".replace(".", "_"), given, links=LINKS, prepare=plant)


NOBODY = {"owner": "no-such-user", "group": "no-such-group"}
CASES = [
    *(on(kind, state, mode="0711") for kind in KINDS for state in ("absent", "directory", "file")),
    # Ansible fails on a link to nothing, with an error of its own's; we make what it points at
    *(on(kind, "touch", mode="0711") for kind in KINDS if kind != "to_nothing"),
    *(on(kind, "directory", mode="0711", follow=False) for kind in ("to_dir", "to_file", "to_nothing")),
    *(on(kind, "link", src="file.txt") for kind in KINDS),
    *(on(kind, "link", src="file.txt", force=True) for kind in KINDS),
    *(on(kind, "hard", src="{tree}/dir/inner.txt") for kind in KINDS),
    *(on(kind, "hard", src="{tree}/dir/inner.txt", force=True) for kind in KINDS),
    on("dir", "directory", recurse=True, mode="u=rwX,go=rX", owner="12", group="34"),
    on("none/deep/er", "directory", mode="0700"),
    on("none/deep/er", "touch"),
    on("none", "link"),
    on("to_file", "link"),
    on("file.txt", "file", owner="12"),
    on("file.txt", "file", owner="no-such-user"),
    on("file.txt", "file", mode="9999"),
    *(
        would(kind, state)
        for kind in ("file.txt", "dir", "none")
        for state in ("absent", "directory", "touch")
    ),
    would("none", "link", src="file.txt"),
    would("file.txt", "link", src="dir", force=True),
    # whose owner an earlier task of the run would make
    looks("check_directory_to_come", {"path": "{tree}/n", "state": "directory", **NOBODY}),
    looks("check_touch_to_come", {"path": "{tree}/n", "state": "touch", **NOBODY}),
    looks("check_touch_of_nobody", {"path": "{tree}/file.txt", "state": "touch", **NOBODY}),
    looks("check_copy_to_come", {"content": "x", "dest": "{tree}/n", **NOBODY}, module="copy"),
    looks(
        "check_line_to_come", {"path": "{tree}/n", "line": "x", "create": True, **NOBODY}, module="lineinfile"
    ),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("file", CASES, tmp_path, without_python=True)
