"""`copy` with `remote_src`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, case, looks

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "src.txt": "source\n",
    "old.txt": "old\n",
    "same.txt": "source\n",
    "tree/a.txt": "a\n",
    "tree/sub/b.txt": "b\n",
    "tree/sub/deep/c.txt": "c\n",
    "there/tree/a.txt": "other\n",
    "there/tree/own.txt": "own\n",
    "dir/inner.txt": "inner\n",
}
MODES = {"src.txt": 0o640, "old.txt": 0o600, "tree/sub/b.txt": 0o755, "tree/sub": 0o750}
KEYS = ("dest", "src", "checksum", "md5sum", "mode", "state", "size")


def copy(name: str, src: str, dest: str, *keys: str, **more: Any) -> Case:
    options = {key: more.pop(key) for key in ("links", "prepare", "again") if key in more}
    arguments = {"src": f"{{tree}}/{src}", "dest": f"{{tree}}/{dest}", "remote_src": True, **more}
    return case(name, arguments, *(keys or KEYS), files=FILES, modes=MODES, **options)


def refused(name: str, src: str, dest: str, **more: Any) -> Case:
    return copy(name, src, dest, "failed", again=False, **more)


CASES = [
    copy("new", "src.txt", "new.txt"),
    copy("new_mode", "src.txt", "new.txt", mode="0600"),
    copy("new_preserve", "src.txt", "new.txt", mode="preserve"),
    copy("into_folder", "src.txt", "dir"),
    copy("into_folder_slash", "src.txt", "dir/"),
    copy("over_old", "src.txt", "old.txt"),
    copy("over_old_mode", "src.txt", "old.txt", mode="0644"),
    copy("over_old_preserve", "src.txt", "old.txt", mode="preserve"),
    copy("over_same", "src.txt", "same.txt"),
    copy("over_same_mode", "src.txt", "same.txt", mode="0600"),
    copy("no_force", "src.txt", "old.txt", "dest", "msg", force=False),
    copy("no_force_new", "src.txt", "new.txt", force=False),
    copy("backup", "src.txt", "old.txt", backup=True),
    copy("validated", "src.txt", "old.txt", validate="grep -q source %s"),
    copy("link_followed", "src.txt", "link", links={"link": "old.txt"}, follow=True),
    copy("link_replaced", "src.txt", "link", links={"link": "old.txt"}),
    copy("link_as_source", "link", "new.txt", links={"link": "src.txt"}),
    copy("owner", "src.txt", "new.txt", owner="12", group="34"),
    copy("tree_contents", "tree/", "fresh", "src"),
    copy("tree_itself", "tree", "fresh", "src"),
    copy("tree_into_folder", "tree", "dir", "src"),
    copy("tree_contents_into_folder", "tree/", "dir", "src"),
    copy("tree_over_tree", "tree", "there", "src"),
    copy("tree_owner", "tree/", "fresh", "src", owner="12", group="34"),
    copy("tree_links", "tree/", "fresh", "src", links={"tree/l": "a.txt"}),
    copy("tree_links_followed", "tree/", "fresh", "src", links={"tree/l": "a.txt"}, local_follow=True),
    copy("tree_links_kept", "tree/", "fresh", "src", links={"tree/l": "a.txt"}, local_follow=False),
    refused("none", "none.txt", "new.txt"),
    refused("no_folder", "src.txt", "none/new.txt"),
    refused("invalid", "src.txt", "old.txt", validate="grep -q nothing %s"),
    refused("tree_over_file", "tree", "old.txt"),
    looks("check", {"src": "{tree}/src.txt", "dest": "{tree}/new", "remote_src": True}, files=FILES),
    looks(
        "check_same", {"src": "{tree}/src.txt", "dest": "{tree}/same.txt", "remote_src": True}, files=FILES
    ),
    looks("check_tree", {"src": "{tree}/tree", "dest": "{tree}/new", "remote_src": True}, files=FILES),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("copy", CASES, tmp_path, without_python=True)
