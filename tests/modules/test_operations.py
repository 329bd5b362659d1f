from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.helper.operations import Directory, Link, Operation, Run, Write
from hivectl.model.errors import Complaints
from hivectl.model.secret import Secret
from hivectl.modules.base import ModuleError
from hivectl.modules.contents import content_of_file
from hivectl.modules.registry import find_module
from tests.support.tasks import TaskOnThisMachine, decide, do, parameters_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def operations(name: str, arguments: Any, folder: Path, **variables: Any) -> Sequence[Operation]:
    module = find_module(name)
    context = TaskOnThisMachine(folder=folder, variables=variables)
    parameters = parameters_of(module, arguments, context)
    assert module.operations is not None
    return module.operations(parameters, context)


def test_no_value_of_a_variable_can_bring_an_option(tmp_path: Path) -> None:
    [run] = operations("command", "echo {{ word }}", tmp_path, word="x creates=/etc/passwd")

    assert isinstance(run, Run)
    assert (run.argv, run.creates) == (("echo", "x", "creates=/etc/passwd"), None)


def test_words_of_a_secret_command_are_secrets(tmp_path: Path) -> None:
    [run] = operations("command", "login --password {{ word }}", tmp_path, word=Secret("s3cr3t"))

    assert isinstance(run, Run)
    assert "s3cr3t" not in repr(run)
    assert run.argv is not None
    assert [word.reveal() for word in run.argv if isinstance(word, Secret)] == [
        "login",
        "--password",
        "s3cr3t",
    ]


@pytest.mark.parametrize("content", [Secret("s3cr3t"), {"user": "pi", "password": Secret("s3cr3t")}])
def test_secret_content_is_marked_and_never_shown(content: Any, tmp_path: Path) -> None:
    [write] = operations("copy", {"content": content, "dest": "/x"}, tmp_path)

    assert isinstance(write, Write)
    assert write.content.secret
    assert isinstance(write.content.source, bytes)
    assert b"s3cr3t" in write.content.source
    assert "s3cr3t" not in repr(write)


def test_a_template_with_a_secret_is_secret(tmp_path: Path) -> None:
    (tmp_path / "page.j2").write_text("key={{ key }}\n")

    secret, plain = (
        operations("template", {"src": "page.j2", "dest": "/x"}, tmp_path, key=key)[0]
        for key in (Secret("s3cr3t"), "known")
    )

    assert isinstance(secret, Write)
    assert isinstance(plain, Write)
    assert (secret.content.secret, plain.content.secret) == (True, False)
    assert secret.content.source == b"key=s3cr3t\n"


def test_a_file_is_hashed_once_for_all_nodes_and_anew_when_it_changes(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (32 << 20))
    first = content_of_file(large)

    began = time.process_time()
    assert all(content_of_file(large) == first for _ in range(1000))
    assert time.process_time() - began < 1  # hashing would take 1000 times 15 ms

    assert first.source == large  # never loaded whole
    large.write_bytes(b"y" * (32 << 20))
    assert content_of_file(large).sha256 != first.sha256


def test_a_folder_is_copied_with_its_links_if_they_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "folder/sub/file").write_text("x")
    (tmp_path / "folder/link").symlink_to("sub/file")
    (tmp_path / "folder/dangling").symlink_to("nowhere")

    found = operations("copy", {"src": "folder", "dest": "/d", "local_follow": False}, tmp_path)

    assert [(type(one), getattr(one, "path", None)) for one in found] == [
        (Write, "/d/folder/sub/file"),
        (Directory, "/d/folder/sub"),
        (Link, "/d/folder/dangling"),
        (Link, "/d/folder/link"),
    ]
    with pytest.raises(ModuleError, match="points at nothing"):
        operations("copy", {"src": "folder", "dest": "/d"}, tmp_path)


def test_a_folder_that_leads_round_in_a_circle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "folder/sub/up").symlink_to("..")

    with pytest.raises(ModuleError, match="leads back"):
        operations("copy", {"src": "folder", "dest": "/d"}, tmp_path)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("copy", {"dest": "/x"}, "exactly one of `src` and `content`"),
        ("copy", {"src": "a", "content": "b", "dest": "/x"}, "exactly one of `src` and `content`"),
        ("copy", {"src": "no-such-file", "dest": "/x"}, "no-such-file"),
        ("command", "", "no command"),
        ("command", "echo 'open", "cannot be split"),
        ("command", {"argv": ["a"], "cmd": "a"}, "only one of `argv` and `cmd`"),
        ("command", "ls executable=/bin/sh", "no `executable`"),
        ("file", {"path": "/x", "state": "file", "recurse": True}, "`recurse` needs"),
        ("file", {"path": "/x", "state": "touch", "src": "/y"}, "`src` needs"),
        ("lineinfile", {"path": "/x"}, "`line` is needed"),
        ("lineinfile", {"path": "/x", "state": "absent"}, "is needed with state: absent"),
        ("lineinfile", {"path": "/x", "line": "a", "backrefs": True}, "`backrefs` needs `regexp`"),
        ("wait_for", {"path": "/x", "port": 1}, "only one of `port` and `path`"),
        ("wait_for", {"path": "/x", "state": "stopped"}, "for a `port`"),
        ("ping", {"data": "crash"}, "boom"),
    ],
)
def test_what_contradicts_itself_is_refused(name: str, arguments: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModuleError, match=message):
        operations(name, arguments, tmp_path)


@pytest.mark.parametrize(
    ("name", "arguments", "word"),
    [
        ("copy", {"src": "a", "dest": "/x", "setype": "t"}, "setype"),
        ("stat", {"path": "/x", "get_mime": True}, "get_mime"),
        ("meta", "refresh_inventory", "refresh_inventory"),
        ("command", {"cmd": "ls", "warn": False}, "warn"),
    ],
)
def test_a_parameter_that_is_not_supported_is_refused_by_name(
    name: str, arguments: Any, word: str, tmp_path: Path
) -> None:
    with pytest.raises(Complaints, match=word):
        operations(name, arguments, tmp_path)


def test_debug_says_what_is_not_defined(tmp_path: Path) -> None:
    shown = {"changed": False, "no.such.thing": "VARIABLE IS NOT DEFINED!"}

    assert decide("debug", {"var": "no.such.thing"}, tmp_path) == shown


def test_set_fact_refuses_a_name_that_no_template_could_use(tmp_path: Path) -> None:
    result = decide("set_fact", {"a-b": 1}, tmp_path)

    assert result["failed"]
    assert "'a-b'" in result["msg"]


def test_check_mode_changes_nothing_and_foretells_the_change(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("new\n")
    (tmp_path / "there").write_text("old\n")
    there = str(tmp_path / "there")
    tasks: list[tuple[str, Any]] = [
        ("copy", {"src": "source", "dest": there}),
        ("file", {"path": str(tmp_path / "d/e"), "state": "directory"}),
        ("file", {"path": there, "state": "absent"}),
        ("lineinfile", {"path": there, "line": "more"}),
        ("command", f"touch {tmp_path}/touched creates={tmp_path}/touched"),
    ]
    for name, arguments in tasks:
        assert do(name, arguments, tmp_path, check=True)["changed"], name
    for name in ("raw", "wait_for"):
        skipped = do(name, {"raw": "touch x", "wait_for": {"path": "/none"}}[name], tmp_path, check=True)
        assert skipped.get("skipped")

    assert (tmp_path / "there").read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["source", "there"]


def test_the_diff_of_a_copy_shows_both_sides(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old\n")

    result = do("copy", {"content": "new\n", "dest": str(tmp_path / "there")}, tmp_path, diff=True)

    diffs = result["diff"] if isinstance(result["diff"], list) else [result["diff"]]
    assert any((one.get("before"), one.get("after")) == ("old\n", "new\n") for one in diffs)
