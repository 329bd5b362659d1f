"""A saved plan does what was shown on what was seen, or leaves the node alone and says what has changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine.options import RunOptions
from hivectl.engine.run import run_playbook
from hivectl.engine.saved_plan import PlanFileError, StalePlanError, read_plan, write_plan
from hivectl.helper import encode
from hivectl.model.errors import Complaints, HivectlError
from tests.support.runs import Bench, Outcome, make_bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.helper.operations import Item

SECRET = "correct-horse-battery"
TOKEN = "vars: {token: !env LAB_TOKEN}\n"
FILES = """
- name: Files
  hosts: all
  tasks:
    - {name: Folder, file: {path: "~/{{ inventory_hostname }}", state: directory, mode: "0750"}}
    - {name: Write, copy: {content: "a", dest: "~/{{ inventory_hostname }}/file"}}
    - {name: Line, lineinfile: {path: "~/{{ inventory_hostname }}/file", line: more}}
    - {name: Other, copy: {content: "b", dest: "~/other {{ inventory_hostname }}"}}
    - {name: Gone, file: {path: "~/gone {{ inventory_hostname }}", state: absent}}
"""


class WithoutPython(Bench):
    """Nodes that have no Python."""

    shell = ""

    def nodes(self, count: int, more: str = "") -> None:
        node = f"{{driver: local, python: none, sh: {self.shell}}}"
        self.inventory.write_text(f"version: 1\nnodes:\n  n[1:{count}]: {node}\n{more}")


@pytest.fixture(scope="module")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with busybox's tools and nothing else."""
    folder = tmp_path_factory.mktemp("busybox")
    subprocess.run(["busybox", "--install", "-s", folder], check=True)
    return folder


@pytest.fixture
def helper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who carries out operations on the nodes; "" is the helper in Python."""
    kind = str(getattr(request, "param", ""))
    if kind != "ash":
        return kind
    tools = request.getfixturevalue("busybox")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return str(tools / "ash")


# what depends on the helper beyond what it finds: the strictest of its shells stands for the others
WITHOUT_PYTHON_TOO = pytest.mark.parametrize("helper", ["", "ash"], indirect=True)
EVERYWHERE = pytest.mark.parametrize("helper", ["", "/bin/dash", "ash"], indirect=True)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, helper: str) -> Bench:
    monkeypatch.setenv("LAB_TOKEN", SECRET)
    made = make_bench(tmp_path, monkeypatch, 2, TOKEN)
    if helper:
        made.__class__ = WithoutPython
        made.shell = helper  # type: ignore[attr-defined]  # it is one of those now
        made.nodes(2, TOKEN)
    return made


@pytest.fixture
def home(bench: Bench) -> Path:
    return bench.folder / "home"


def saved(bench: Bench, playbook: str, **options: Any) -> Outcome:
    outcome = bench.run(playbook, mode="plan", out=bench.folder / "saved.plan", **options)
    assert outcome.ended.exit_code == 0, [event for event in outcome.events if event.event != "step_started"]
    return outcome


def applied(bench: Bench, mode: str = "apply") -> Outcome:
    """Apply the plan, with the playbook that stands there now."""
    plan = read_plan(bench.folder / "saved.plan")
    options = RunOptions(
        playbook=Path(plan.playbook),
        mode=mode,  # type: ignore[arg-type]  # of the words that it may be
        limit=plan.choices["limit"],
        extra_variables={"log": str(bench.log)},
        plan=plan,
    )
    bench.batches = {}
    bench.events = []
    ended = asyncio.run(run_playbook(bench.lab(), options, [bench.listener]))
    return Outcome(ended, bench.events, bench.batches)


@WITHOUT_PYTHON_TOO
def test_it_does_what_was_shown_in_as_many_round_trips(bench: Bench, home: Path) -> None:
    shown = saved(bench, FILES)
    assert not (home / "n1").exists()
    done = applied(bench)
    assert done.ended.exit_code == 0, done.lost()
    assert [(event.node, event.task.name, event.status) for event in done.steps("n1")] == [
        (event.node, event.task.name, event.status) for event in shown.steps("n1")
    ]
    assert (home / "n1/file").read_text() == "a\nmore\n"
    assert done.count() == shown.count() == 1


def test_results_do_not_tell_of_it(bench: Bench) -> None:
    saved(bench, FILES)
    assert all("seen" not in event.result for event in applied(bench).steps())


@pytest.mark.parametrize("helper", ["ash"], indirect=True)
def test_a_node_with_few_tools_notices_too(
    bench: Bench, home: Path, busybox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No digests, no stat, no readlink."""
    few = bench.folder / "few"
    few.mkdir()
    for tool in busybox.iterdir():
        if not tool.name.endswith("sum") and tool.name not in {"stat", "readlink", "realpath"}:
            (few / tool.name).symlink_to(tool)
    monkeypatch.setenv("PATH", str(few))
    (home / "other n1").write_text("before")
    (home / "gone n1").mkdir()
    for change in ("content", "mode", "inside", "link"):
        saved(bench, FILES, limit="n1")
        assert applied(bench, mode="check").ended.exit_code == 0
        act, told, _ = CHANGES[change]
        act(home)
        if change == "content":
            (home / "other n1").write_text(
                "longer than before"
            )  # times have no fractions there, but sizes tell
        done = applied(bench)
        assert done.ended.exit_code == 6, change
        assert told in done.lost()["n1"]
        for path in home.glob("[a-z]*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        (home / "other n1").write_text("before")
        (home / "gone n1").mkdir()


def relink(path: Path) -> None:
    path.unlink()
    path.symlink_to("elsewhere")


CHANGES: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "content": (lambda home: (home / "other n1").write_text("c"), "the content of", "Other"),
    "mode": (lambda home: (home / "other n1").chmod(0o600), "the mode of", "Other"),
    "gone": (
        lambda home: (home / "other n1").unlink(),
        "was a file when the plan was made, and is absent now",
        "Other",
    ),
    "folder": (
        lambda home: (home / "n1").mkdir(),
        "was absent when the plan was made, and is a directory now",
        "Folder",
    ),
    "inside": (lambda home: (home / "gone n1/more").write_text(""), "the content of", "Gone"),
    "link": (
        lambda home: relink(home / "other n1"),
        "was a file when the plan was made, and is a link now",
        "Other",
    ),
}


@EVERYWHERE
@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_on_a_node_is_told_and_left_alone(bench: Bench, home: Path, change: str) -> None:
    (home / "other n1").write_text("before")
    (home / "gone n1").mkdir()
    saved(bench, FILES)
    act, told, task = CHANGES[change]
    act(home)
    state = sorted((path, path.lstat().st_mtime_ns) for path in home.glob("other n1"))
    done = applied(bench)
    assert done.ended.exit_code == 6
    assert told in done.lost()["n1"]
    assert [event.task.name for event in done.steps("n1") if event.status == "failed"] == [task]
    assert "plan is stale" in done.result(task)["msg"]
    assert (
        sorted((path, path.lstat().st_mtime_ns) for path in home.glob("other n1")) == state or task == "Gone"
    )
    assert (home / "gone n1").exists()
    # the other node is as it was seen, and does not wait for this one
    assert (home / "n2/file").read_text() == "a\nmore\n"
    assert not done.ended.resume


def test_neither_a_rescue_nor_leave_to_fail_gets_around_it(bench: Bench, home: Path) -> None:
    playbook = """
    - hosts: n1
      tasks:
        - block:
            - {name: Write, copy: {content: a, dest: ~/file}, ignore_errors: true}
            - {name: After, copy: {content: a, dest: ~/after}}
          rescue: [{name: Rescue, copy: {content: a, dest: ~/rescue}}]
          always: [{name: Always, copy: {content: a, dest: ~/always}}]
    """
    saved(bench, playbook)
    (home / "file").write_text("somebody's")
    assert applied(bench).ended.exit_code == 6
    assert [path.name for path in home.iterdir() if not path.name.startswith(".")] == ["file"]
    assert (home / "file").read_text() == "somebody's"


OTHERS = """
- hosts: n1
  tasks:
    - {name: Program, command: {cmd: "touch made", creates: made, chdir: "~"}}
    - {name: Duplicate, copy: {src: "~/source", dest: "~/twin", remote_src: true}}
    - {name: Script, script: {cmd: run.sh, creates: ~/ran}}
"""


@EVERYWHERE
def test_what_is_told_by_a_check_is_compared_too(bench: Bench, home: Path) -> None:
    (home / "source").write_text("x")
    bench.write("#!/bin/sh\ntouch ~/ran\n", "files/run.sh")
    saved(bench, OTHERS)
    for name, task in (("made", "Program"), ("twin", "Duplicate"), ("ran", "Script")):
        (home / name).write_text("x")
        done = applied(bench)
        assert done.ended.exit_code == 6
        assert "what it found when the plan was made has changed since" in done.lost()["n1"]
        assert [event.task.name for event in done.steps("n1") if event.status == "failed"] == [task]
        for made in ("made", "twin", "ran"):
            (home / made).unlink(missing_ok=True)
    again = applied(bench)
    assert again.ended.exit_code == 0, again.lost()
    assert sorted(path.name for path in home.glob("[a-z]*")) == ["made", "ran", "source", "twin"]


def test_it_is_over_once_it_was_applied(bench: Bench) -> None:
    saved(bench, FILES)
    assert applied(bench).ended.exit_code == 0
    again = applied(bench)
    assert again.ended.exit_code == 6
    assert again.ended.nodes["n1"].changed == 0


def test_a_check_holds_to_it_too(bench: Bench, home: Path) -> None:
    saved(bench, FILES)
    assert applied(bench, mode="check").ended.exit_code == 0
    (home / "other n1").write_text("c")
    assert applied(bench, mode="check").ended.exit_code == 6


def test_what_a_step_would_do_must_be_as_it_was_shown(bench: Bench, home: Path) -> None:
    fact = home / "fact"
    fact.write_text("one")
    playbook = """
    - hosts: n1
      tasks:
        - {name: Read, slurp: {src: ~/fact}, register: read}
        - {name: Write, copy: {content: "{{ read.content | b64decode }}", dest: ~/file}}
    """
    saved(bench, playbook)
    fact.write_text("two")
    done = applied(bench)
    assert done.ended.exit_code == 6
    assert "it would not do what the plan showed" in done.lost()["n1"]
    assert not (home / "file").exists()


UNKNOWN = """
- hosts: n1
  tasks:
    - {name: Make, shell: "mkdir ~/made && echo -n said", register: made, notify: Tell}
    - {name: Uses, copy: {content: "{{ made.stdout }}", dest: ~/uses}, when: made.rc == 0, register: uses}
    - {name: Uses that, copy: {content: "{{ uses.dest }}", dest: ~/that}}
    - {name: Sets, set_fact: {value: "{{ made.stdout }}"}}
    - {name: Uses the fact, copy: {content: "{{ value }}", dest: ~/fact}}
    - {name: Needs, copy: {content: x, dest: ~/made/file}}
    - {name: Quiet, command: uptime, changed_when: false}
    - {name: Known, copy: {content: known, dest: ~/known}}
  handlers:
    - {name: Tell, shell: echo told >> ~/told}
"""


@WITHOUT_PYTHON_TOO
def test_what_cannot_be_seen_is_shown_as_unknown_and_done(bench: Bench, home: Path) -> None:
    shown = saved(bench, UNKNOWN)
    unknown = ["Make", "Uses", "Uses that", "Uses the fact", "Needs", "Tell"]
    assert shown.names("n1", "unobserved") == unknown
    assert shown.statuses("n1")["Known"] == "changed"
    assert shown.statuses("n1")["Quiet"] == "skipped"
    assert shown.ended.nodes["n1"].unobserved == len(unknown)
    reasons = {event.task.name: event.reason for event in shown.steps("n1")}
    assert reasons["Uses"] == "unknown until applied: it uses `made`, which Make gives"
    assert "Make comes before" in reasons["Needs"]
    plan = json.loads((bench.folder / "saved.plan").read_text())
    assert [step["task"] for step in plan["steps"] if step["status"] == "unobserved"] == unknown
    assert all(step["why"] for step in plan["steps"] if step["status"] == "unobserved")
    done = applied(bench)
    assert done.ended.exit_code == 0, done.lost()
    assert (home / "that").read_text() == str(home / "uses")
    assert (home / "fact").read_text() == "said"
    assert (home / "told").read_text() == "told\n"


def test_tasks_that_are_included_are_known_or_said_to_be_unknown(bench: Bench, home: Path) -> None:
    included = bench.write("- {name: Included, copy: {content: x, dest: '~/{{ item }}'}}\n", "more.yml")
    playbook = """
    - hosts: n1
      tasks:
        - {name: Known, include_tasks: more.yml, loop: [a, b]}
        - {name: Command, command: echo -n said, register: said}
        - {name: Unknown, include_tasks: more.yml, vars: {item: c}, when: said.stdout == 'said'}
        - {name: Ends, meta: end_host, when: said.stdout == 'said'}
        - {name: Never, copy: {content: x, dest: ~/never}}
    """
    shown = saved(bench, playbook)
    assert shown.names("n1") == ["Known", "Included", "Included", "Command", "Unknown", "Never"]
    assert shown.names("n1", "unobserved") == ["Command", "Unknown"]
    done = applied(bench)
    assert done.ended.exit_code == 0, done.lost()
    assert sorted(path.name for path in home.glob("[a-z]*")) == ["a", "b", "c"]
    included.write_text("- {name: Included, command: 'true'}")
    with pytest.raises(StalePlanError, match="has changed since it was made"):
        applied(bench)


@WITHOUT_PYTHON_TOO
def test_loops_delegates_and_tries_are_watched_too(bench: Bench, home: Path) -> None:
    playbook = """
    - hosts: n1
      tasks:
        - {name: Loop, copy: {content: "{{ item }}", dest: "~/{{ item }}"}, loop: [a, b]}
        - {name: Delegate, copy: {content: x, dest: ~/delegated}, delegate_to: n2}
        - {name: Until, copy: {content: x, dest: ~/until}, register: r, until: r is success, retries: 2}
    """
    saved(bench, playbook)
    for name in ("b", "delegated", "until"):
        (home / name).write_text("somebody's")
        done = applied(bench, mode="check")
        assert done.ended.exit_code == 6, name
        assert f"{home / name} was absent when the plan was made" in done.lost()["n1"]
        (home / name).unlink()
    assert applied(bench).ended.exit_code == 0
    assert (home / "delegated").exists()


def test_a_handler_that_was_only_perhaps_notified_need_not_run(bench: Bench, home: Path) -> None:
    playbook = """
    - hosts: n1
      tasks:
        - {name: Perhaps, shell: 'true', register: r, changed_when: r.stdout == "never", notify: First}
        - meta: flush_handlers
        - {name: Sure, copy: {content: x, dest: ~/sure}, notify: Second}
      handlers:
        - {name: First, copy: {content: x, dest: ~/first}}
        - {name: Second, copy: {content: x, dest: ~/second}}
    """
    shown = saved(bench, playbook)
    assert shown.names("n1") == ["Perhaps", "First", "Sure", "Second"]
    done = applied(bench)
    assert done.ended.exit_code == 0, done.lost()
    assert sorted(path.name for path in home.glob("[a-z]*")) == ["second", "sure"]


def test_a_procedure_is_checked_before_it_is_done(bench: Bench, home: Path) -> None:
    (home / "there").write_text("x")
    here = bench.folder / "here"
    fetch = f"{{src: ~/there, dest: {here}, flat: true}}"
    playbook = (
        f"- hosts: n1\n  tasks: [{{name: Fetch, fetch: {fetch}}}, {{name: Wait, pause: {{seconds: 0}}}}]\n"
    )
    saved(bench, playbook)
    assert not here.exists()
    here.write_text("x")
    done = applied(bench)
    assert done.ended.exit_code == 6
    assert "a check of it says something else" in done.lost()["n1"]
    here.unlink()
    assert applied(bench).ended.exit_code == 0
    assert here.read_text() == "x"


def test_other_nodes_results_are_not_known_either(bench: Bench) -> None:
    playbook = """
    - hosts: all
      tasks:
        - {name: Say, command: echo x, register: said}
        - {name: Hear, copy: {content: "{{ hostvars.n1.said.stdout }}", dest: "~/{{ inventory_hostname }}"}}
        - {name: Once, command: echo y, register: once, run_once: true}
        - {name: All, copy: {content: "{{ once.stdout }}", dest: "~/{{ inventory_hostname }}"}}
    """
    shown = saved(bench, playbook)
    assert shown.names("n2", "unobserved") == ["Say", "Hear", "All"]
    assert applied(bench).ended.exit_code == 0


def test_a_file_that_has_changed_is_named_before_anything_is_done(bench: Bench, home: Path) -> None:
    source = bench.write("one", "files/source")
    bench.write("{b: 1}", "vars.yml")
    playbook = """
    - hosts: n1
      vars_files: [vars.yml]
      tasks: [{name: Write, copy: {src: source, dest: ~/file}}]
    """
    saved(bench, playbook)
    source.write_text("two")
    bench.write("{b: 2}", "vars.yml")
    bench.inventory.unlink()
    with pytest.raises(Complaints) as caught:
        applied(bench_with_inventory(bench))
    told = str(caught.value)
    assert f"{source} has changed since it was made" in told
    assert f"{bench.folder / 'vars.yml'} has changed" in told
    assert caught.value.errors[0].exit_code == 6
    assert not (home / "file").exists()
    assert not bench.batches


def bench_with_inventory(bench: Bench) -> Bench:
    bench.nodes(2, "vars: {token: !env LAB_TOKEN, more: 1}\n")
    return bench


def test_other_nodes_are_named(bench: Bench) -> None:
    bench.nodes(2, "hives:\n  h: {select: 'driver=local'}\n")
    saved(bench, "- {hosts: all, tasks: [{name: Say, debug: {msg: x}}]}", limit="n1")
    path = bench.folder / "saved.plan"
    plan = read_plan(path)
    write_plan(path, replace(plan, nodes=["n3"]))
    with pytest.raises(Complaints) as caught:
        applied(bench)
    assert "n1 is among the nodes now" in str(caught.value)
    assert "n3 is no more among the nodes" in str(caught.value)


@WITHOUT_PYTHON_TOO
def test_no_secret_is_in_it_and_only_its_owner_reads_it(bench: Bench, home: Path) -> None:
    playbook = """
    - hosts: n1
      tasks:
        - {name: Content, copy: {content: "{{ token }}", dest: ~/token}}
        - {name: Command, shell: "echo {{ token }} > ~/said", args: {creates: ~/said}}
        - {name: Hidden, copy: {content: nobody-may-read-this, dest: ~/hidden}, no_log: true}
        - {name: Doubt, shell: "mkdir -p ~/{{ token }}", register: made}
        - {name: Fails hidden, copy: {content: x, dest: "~/nobody-may-read-this/file"}, no_log: true, ignore_errors: true}
    """
    before = os.umask(0)
    try:
        saved(bench, playbook)
    finally:
        os.umask(before)
    path = bench.folder / "saved.plan"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert SECRET not in text
    assert "nobody-may-read-this" not in text

    for secret in (SECRET, "nobody-may-read-this"):
        for name in ("md5", "sha1", "sha256"):
            assert hashlib.new(name, secret.encode()).hexdigest() not in text
    assert applied(bench).ended.exit_code == 0
    assert (home / "token").read_text() == SECRET


@WITHOUT_PYTHON_TOO
def test_what_a_secret_stands_in_is_watched_without_a_digest_of_it(bench: Bench, home: Path) -> None:
    (home / "token").write_text("1234")
    saved(bench, "- {hosts: n1, tasks: [{name: Content, copy: {content: '{{ token }}', dest: ~/token}}]}")

    assert hashlib.sha256(b"1234").hexdigest() not in (bench.folder / "saved.plan").read_text()
    (home / "token").write_text("5678")
    assert applied(bench).ended.exit_code == 6


def test_nodes_that_cannot_tell_what_they_find_are_named(
    bench: Bench, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node of a driver that does not look before it acts, for one."""
    monkeypatch.setattr("hivectl.helper.encode._item", without_seen(encode._item))
    shown = saved(bench, FILES)
    assert (
        "n1, n2 cannot tell what they find: `apply --plan` will not notice what changes there" in shown.said()
    )
    assert applied(bench).ended.exit_code == 0
    assert (home / "n1/file").exists()


def without_seen(encoded: Callable[[Item], dict[str, Any]]) -> Callable[[Item], dict[str, Any]]:
    def plain(item: Item) -> dict[str, Any]:
        return encoded(replace(item, seen=None))

    return plain


def test_a_plan_that_failed_is_not_saved(bench: Bench) -> None:
    outcome = bench.run(
        "- {hosts: n1, tasks: [{name: Bad, fail: {msg: bad}}]}", mode="plan", out=bench.folder / "saved.plan"
    )
    assert outcome.ended.exit_code == 1
    assert not (bench.folder / "saved.plan").exists()


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "damaged": (lambda text: text.replace("0", "1"), "is damaged, or was changed by hand"),
    "cut": (lambda text: text[: len(text) // 2], "is no saved plan, or a damaged one"),
    "foreign": (lambda _: '{"terraform_version": "1.9"}', "is no saved plan"),
    "list": (lambda _: "[]", "is no saved plan"),
    "binary": (lambda _: "\x00\udcff", "is no saved plan, or a damaged one"),
    "newer": (lambda text: text.replace('"hivectl_plan": 1', '"hivectl_plan": 2'), "has version 2"),
}


def test_what_is_no_plan_is_told(bench: Bench) -> None:
    saved(bench, FILES)
    path = bench.folder / "saved.plan"
    whole = path.read_text()
    for change, told in WRONG.values():
        path.write_text(change(whole), errors="surrogateescape")
        with pytest.raises(PlanFileError, match=told) as caught:
            read_plan(path)
        assert caught.value.exit_code == 3


def test_a_plan_of_another_hivectl_is_stale(bench: Bench) -> None:
    saved(bench, FILES)
    path = bench.folder / "saved.plan"
    write_plan(path, replace(read_plan(path), hivectl="0.0.1"))
    with pytest.raises(StalePlanError, match=r"made by hivectl 0\.0\.1"):
        read_plan(path)


def test_where_it_cannot_be_written_is_told_before_anything_is_done(bench: Bench) -> None:
    with pytest.raises(HivectlError, match="there is no folder /no/such"):
        bench.run(FILES, mode="plan", out=Path("/no/such/saved.plan"))
    with pytest.raises(HivectlError, match="it is a device"):
        bench.run(FILES, mode="plan", out=Path("/dev/null"))
    assert Path("/dev/null").is_char_device()
    assert not bench.batches


def test_a_plan_that_was_applied_is_not_resumed(bench: Bench, home: Path) -> None:
    saved(bench, FILES)
    (home / "n1").mkdir()
    run = applied(bench).ended.run
    with pytest.raises(HivectlError, match="applied a saved plan, which is over"):
        bench.run(None, resume=run)
