"""`include_vars`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, fails

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {
    "vars/one.yml": "colour: red\nlist: [1, {a: ~}]\n",
    "vars/two.yml": "colour: white\nsize: 2\n",
    "vars/data.json": '{"colour": "blue", "deep": {"a": [true]}}',
    "vars/plain": "colour: none\n",
    "vars/odd.conf": "colour: odd\n",
    "vars/empty.yml": "",
    "vars/comment.yml": "# nothing\n",
    "vars/list.yml": "- 1\n",
    "vars/text.yml": "only words\n",
    "vars/false.yml": "false\n",
    "vars/bad.yml": "a: [1\n",
    "vars/sealed.yml": "$ANSIBLE_VAULT;1.1;AES256\n3361\n",
    "beside.yml": "colour: beside\n",
    "files/filed.yml": "colour: filed\n",
    "more/b.yml": "colour: b\nb: 1\n",
    "more/c.yaml": "colour: c\nc: 1\n",
    "more/d.json": '{"d": 1}',
    "more/a/z.yml": "colour: z\nz: 1\n",
    "more/a/deeper/y.yml": "colour: y\ny: 1\n",
    "more/x/w.yml": "colour: w\nw: 1\n",
    "mixed/a.yml": "a: 1\n",
    "mixed/b.conf": "b: 1\n",
    "mixed/README": "c: 1\n",
    "mixed/.hidden.yml": "hidden: 1\n",
    "broken/a.yml": "a: 1\n",
    "broken/b.yml": "- 1\n",
    "void/": "",
}
TOLD = ("ansible_facts", "ansible_included_var_files")


def file(name: str, arguments: Any, *keys: str) -> Case:
    return fails(name, arguments, *(keys or TOLD))


def folder(name: str, where: str, /, **more: Any) -> Case:
    return fails(name, {"dir": where, **more}, *TOLD)


def wrong(name: str, arguments: Any) -> Case:
    """Return a case of which only that it fails is the same."""
    return fails(name, arguments, "failed")


CASES = [
    file("file", {"file": "one.yml"}),
    file("free form", "one.yml"),
    file("free form with a path", "vars/two.yml"),
    file("json", {"file": "data.json"}),
    file("named", {"file": "one.yml", "name": "mine"}),
    file("named, empty", {"file": "empty.yml", "name": "mine"}),
    file("without an ending", {"file": "plain"}),
    file("of another ending", {"file": "odd.conf"}),
    file("empty", {"file": "empty.yml"}),
    file("only a comment", {"file": "comment.yml"}),
    file("beside the playbook", {"file": "beside.yml"}),
    file("in a folder", {"file": "more/b.yml"}),
    file("replaced", {"file": "one.yml", "hash_behaviour": "replace"}),
    file("absolute", {"file": "{tree}/file.yml"}),
    wrong("not there", {"file": "none.yml"}),
    wrong("among files", {"file": "filed.yml"}),
    wrong("a list", {"file": "list.yml"}),
    wrong("a text", {"file": "text.yml"}),
    wrong("false", {"file": "false.yml"}),
    wrong("malformed", {"file": "bad.yml"}),
    wrong("encrypted", {"file": "sealed.yml"}),
    wrong("both", {"file": "one.yml", "dir": "more"}),
    wrong("file and depth", {"file": "one.yml", "depth": 1}),
    wrong("a wrong option", {"file": "one.yml", "filee": "x"}),
    wrong("nothing", {}),
    folder("dir", "more"),
    folder("dir with a slash", "more/"),
    folder("dir, named", "more", name="all_of_it"),
    folder("depth 1", "more", depth=1),
    folder("depth 2", "more", depth=2),
    folder("depth 3", "more", depth=3),
    folder("depth 0", "more", depth=0),
    folder("matching", "more", files_matching="^[bz]"),
    folder("matching none", "more", files_matching="nope"),
    folder("matching in the middle", "more", files_matching="."),
    folder("ignored", "more", ignore_files=["b.yml", "d.json"]),
    folder("ignored by its end", "more", ignore_files=["b"]),
    folder("ignored by a pattern", "more", ignore_files=[".*ml"]),
    folder("ignored as a text", "more", ignore_files="b.yml z.yml"),
    folder("ignored none", "more", ignore_files=[]),
    folder("endings", "more", extensions=["yml"], ignore_unknown_extensions=True),
    folder("endings of their own", "mixed", extensions=["conf"], ignore_unknown_extensions=True),
    folder("unknown endings are passed over", "mixed", ignore_unknown_extensions=True),
    folder("others are left out by name", "mixed", ignore_files=["conf", "README"]),
    folder("others do not match", "mixed", files_matching="yml$"),
    folder("without files", "void"),
    folder("of vars", "vars/more/../../more"),
    folder("absolute dir", "{tree}/dir", ignore_unknown_extensions=True),
    folder("a link", "{tree}/linked"),
    folder("links in it are followed", "{tree}/links"),
    folder("all at once", "more", depth=2, files_matching="[bcz]", ignore_files=["c.yaml"], name="x"),
    wrong("unknown ending", {"dir": "mixed"}),
    wrong("unknown ending among those named", {"dir": "more", "extensions": ["yml"]}),
    wrong("no mapping in it", {"dir": "broken"}),
    wrong("no folder", {"dir": "none"}),
    wrong("a file for a folder", {"dir": "beside.yml"}),
    wrong("a wrong pattern", {"dir": "more", "files_matching": "("}),
    wrong("a wrong pattern to ignore", {"dir": "more", "ignore_files": ["("]}),
]


def test_as_ansible(tmp_path: Path) -> None:
    files = {"file.yml": "colour: tree\n", "dir/in.yml": "inside: 1\n", "links/a.yml": "a: 1\n"}
    links = {"linked": "dir", "links/z": "../dir"}
    cases = [Case(**{**vars(one), "files": files, "links": links}) for one in CASES]
    (tmp_path / "vars/more").mkdir(parents=True)
    assert_as_ansible("include_vars", cases, tmp_path, sources=SOURCES)
