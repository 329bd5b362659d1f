"""Nodes that are full, or hostile: links where files are expected, names that lead elsewhere."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import make_lab

if TYPE_CHECKING:
    from tests.support.command import Lab
    from tests.support.inside import Inside

# gives the helper a file system of its own with little room; for a user who is not root, in a namespace of its own
FULL = """\
#!/bin/sh
exec unshare -m{user} sh -c 'mount -t tmpfs -o size={size} tmpfs "$1" && {then} shift && exec python3 "$@"' sh {folder} "$@"
"""


def full_lab(folder: Path, *, size: str, then: str = "") -> tuple[Lab, Path]:
    """Make a lab whose node has a small file system in `small`."""
    small = folder / "small"
    small.mkdir()
    python = folder / "python"
    user = "" if os.geteuid() == 0 else "r"
    python.write_text(FULL.format(user=user, size=size, folder=small, then=then))
    python.chmod(0o755)
    node = {"driver": "local", "python": str(python), "vars": {"small": str(small), "folder": str(folder)}}
    return make_lab(folder, json.dumps({"version": 1, "nodes": {"n1": node}})), small


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, inside: Inside) -> None:
    lab, _ = full_lab(tmp_path, size="64k")
    lab.write("big", "x" * 200_000)
    lab.write(
        "site.yml",
        """\
- hosts: n1
  tasks:
    - copy: {content: old, dest: "{{ small }}/file"}
    - name: Too large
      copy: {src: big, dest: "{{ small }}/file"}
      ignore_errors: true
    - name: Too large a line
      lineinfile: {path: "{{ small }}/file", line: "{{ 'x' * 200000 }}"}
      ignore_errors: true
    - name: Too large with a backup
      copy: {src: big, dest: "{{ small }}/file", backup: true}
      ignore_errors: true
    - command: cp -a "{{ small }}/." "{{ folder }}/seen"
    - name: Too large at last
      copy: {src: big, dest: "{{ small }}/file"}
""",
    )
    said = inside(lab, "apply", "site.yml")
    assert said.code == 1, said.told
    assert said.told.count("No space left on device") == 4, said.told
    assert "Traceback" not in said.told
    assert re.search(r"at site.yml:14:7", said.stdout), said.stdout
    assert [path.name for path in (tmp_path / "seen").iterdir()] == ["file"]  # no temporary file is left
    assert (tmp_path / "seen" / "file").read_text() == "old"


def test_a_home_that_is_full_takes_no_lock(tmp_path: Path, inside: Inside) -> None:
    lab, small = full_lab(
        tmp_path, size="16k", then='export HOME="$1" && head -c 1000000 /dev/zero 2>/dev/null > "$1/filling";'
    )
    lab.write("site.yml", "- hosts: n1\n  tasks:\n    - command: touch {{ folder }}/touched\n")
    said = inside(lab, "apply", "site.yml")
    assert said.code == 1, said.told
    assert f"{small}/.hivelock cannot be used: No space left on device" in said.told
    assert not (tmp_path / "touched").exists()
    assert list(small.iterdir()) == []


def test_links_at_destinations_are_replaced_and_never_followed_out(here: Lab, inside: Inside) -> None:
    victim = here.write("victim", "untouched")
    links = {name: here.folder / name for name in ("copied", "templated", "dangling")}
    for link in links.values():
        link.symlink_to(victim if link.name != "dangling" else here.folder / "created")
    tree = here.folder / "tree"
    tree.mkdir()
    (tree / "inner").symlink_to(victim)
    (here.folder / "templates").mkdir()
    here.write("templates/x.j2", "new")
    here.write("source/inner", "new")
    here.write(
        "site.yml",
        """\
- hosts: n1
  tasks:
    - copy: {content: new, dest: "{{ folder }}/copied"}
    - template: {src: x.j2, dest: "{{ folder }}/templated"}
    - copy: {content: new, dest: "{{ folder }}/dangling"}
    - copy: {src: source/, dest: "{{ folder }}/tree"}
    - file: {path: "{{ folder }}/tree", state: absent}
""",
    )
    said = inside(here, "apply", "site.yml")
    assert said.code == 0, said.told
    assert victim.read_text() == "untouched"
    assert not (here.folder / "created").exists()
    for link in links.values():
        assert not link.is_symlink()
        assert link.read_text() == "new"
    assert not tree.exists()


@pytest.mark.parametrize("make", ["pipe", "folder", "device"])
def test_what_is_no_file_is_not_overwritten(here: Lab, inside: Inside, make: str) -> None:
    place = here.folder / "place"
    if make == "pipe":
        os.mkfifo(place)
    elif make == "folder":
        (place / "x").mkdir(parents=True)
    else:
        place.symlink_to("/dev/full")
    here.write(
        "site.yml",
        "- hosts: n1\n  tasks:\n    - copy: {content: a, dest: '{{ folder }}/place', follow: true}\n",
    )
    said = inside(here, "apply", "site.yml")
    assert said.code in {0, 1}
    assert "Traceback" not in said.told
    assert Path("/dev/full").is_char_device()
    assert [path for path in here.folder.iterdir() if path.name.startswith(".")] == []


def test_fetch_stays_below_its_destination(here: Lab, inside: Inside) -> None:
    here.write("secret", "from the node")
    outside = here.folder / "outside"
    outside.mkdir()
    here.write("got/n1/keep", "")
    (here.folder / "got" / "n1" / "link").symlink_to(outside)
    paths = [
        f"{here.folder}/state/../../{here.folder.name}/secret",
        f"{here.folder}/../../../../../../../../{here.folder}/secret",
        f"{here.folder}/./././secret",
    ]
    here.write(
        "site.yml",
        "- hosts: n1\n  tasks:\n    - fetch: {src: '{{ item }}', dest: got/}\n      loop: "
        + json.dumps(paths)
        + "\n",
    )
    said = inside(here, "apply", "site.yml")
    assert "Traceback" not in said.told
    brought = [path for path in here.folder.rglob("secret") if path != here.folder / "secret"]
    assert brought
    for path in brought:
        assert path.is_relative_to(here.folder / "got" / "n1"), path
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["..", "a\nb", "\x1b[2J", "-rf", "x" * 300, "~nobody-knows/x", "a\0b"])
@pytest.mark.parametrize(
    "task",
    [
        "fetch: {src: '{{ folder }}/named', dest: '{{ name }}', flat: true}",
        "copy: {src: '{{ name }}', dest: '{{ folder }}/x'}",
        "file: {path: '{{ folder }}/{{ name }}', state: touch}",
        "stat: {path: '{{ name }}'}",
    ],
)
def test_a_name_that_a_node_gives_breaks_nothing(here: Lab, inside: Inside, task: str, name: str) -> None:
    here.write("named", name)
    here.write(
        "site.yml",
        f"""\
- hosts: n1
  tasks:
    - slurp: {{src: "{{{{ folder }}}}/named"}}
      register: named
    - set_fact: {{name: "{{{{ named.content | b64decode }}}}"}}
    - {task}
""",
    )
    said = inside(here, "apply", "site.yml")
    assert "Traceback" not in said.told
    assert "\x1b" not in said.told
    assert said.code in {0, 1}, said.told
    assert [path for path in here.folder.iterdir() if path.name.startswith(".")] == []
