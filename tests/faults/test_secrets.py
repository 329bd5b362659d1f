"""Secrets go to the node that needs them, and nowhere else, whatever the node does with them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Lab
    from tests.support.inside import Inside, Said

SECRET = "hunter2-Kx9!q"
KEY = "MIIEpAIBAAKCAQEAnzyis1\nZjfNB0bBgKFMSvvkTtwlvBsaJq7S5\nand-the-last-of-it-too\n"
PLAYBOOK = """\
- hosts: all
  vars_files: [more.yml]
  vars: {token: !env TOKEN, key: !file key.pem}
  tasks:
    - name: Where it belongs
      copy: {content: "{{ token }}", dest: "{{ folder }}/token"}
      diff: true
    - name: In a template
      template: {src: conf.j2, dest: "{{ folder }}/conf"}
    - name: In the environment, and not in the process list
      shell: 'printf %s "$TOKEN" | cmp - "{{ folder }}/token" && cat /proc/[0-9]*/cmdline > "{{ folder }}/processes"; echo "$TOKEN"; echo "$TOKEN" >&2'
      environment: {TOKEN: "{{ token }}", KEY: "{{ key }}"}
      register: echoed
    - name: By standard input
      command: cat
      args: {stdin: "{{ key }}"}
      register: echoed_key
    - name: Shown
      debug: {var: echoed.stdout_lines}
    - name: Shown in a message
      debug: {msg: "the token is {{ token }}, {{ echoed.stdout }}, {{ other }}"}
    - name: Kept
      set_fact: {kept: "x{{ token }}y"}
    - name: Kept and shown
      debug: {msg: "{{ kept }}"}
    - name: In a loop
      shell: echo "$IT"
      environment: {IT: "{{ item }}"}
      loop: ["{{ token }}", "{{ other }}", plain]
    - name: Echoed by another way
      command: echo {{ token | quote }}
    - name: Encoded
      shell: echo "$IT"
      environment: {IT: "{{ token | b64encode }}"}
    - name: A line of it
      lineinfile: {path: "{{ folder }}/conf", line: "and {{ token }}"}
      diff: true
    - name: Not to be logged
      command: echo not-to-be-logged
      no_log: true
    - name: Not to be logged in a loop
      command: echo not-to-be-logged {{ item }}
      loop: [not-to-be-logged]
      no_log: true
    - name: Fails with all of it
      shell: 'echo "$KEY" >&2; echo "$KEY"; echo "$TOKEN" >&2; exit 1'
      environment: {TOKEN: "{{ token }}", KEY: "{{ key }}"}
      ignore_errors: true
    - name: Fails with the key
      shell: 'echo "$KEY" >&2; exit 1'
      environment: {KEY: "{{ key }}"}
      ignore_errors: true
    - name: Says it as a message
      fail: {msg: "{{ key }} is wrong"}
      ignore_errors: true
    - name: A path
      copy: {src: "{{ token }}", dest: /tmp/x}
      ignore_errors: true
    - name: A bad value
      file: {path: "{{ folder }}/token", mode: "{{ token }}"}
      ignore_errors: true
    - name: A bad template
      command: echo {{ token.nothing }}
      ignore_errors: true
    - name: Fails without a log
      shell: echo not-to-be-logged; exit 1
      no_log: true
"""
# each line of the key counts: people find a part of it as useful as all of it
WORDS = (SECRET, base64.b64encode(SECRET.encode()).decode(), *KEY.splitlines(), "hunter3", "not-to-be-logged")


@pytest.fixture(params=["here", "far"])
def lab(request: pytest.FixtureRequest) -> Lab:
    lab: Lab = request.getfixturevalue(request.param)
    lab.write("site.yml", PLAYBOOK)
    lab.write("more.yml", "other: !env OTHER\n")
    lab.write("key.pem", KEY)
    lab.write("templates/conf.j2", "token={{ token }}\n")
    return lab


def assert_hidden(lab: Lab, *said: Said) -> None:
    texts = {f"output {number}": one.told for number, one in enumerate(said)}
    for path in kept_files(lab):
        texts[str(path)] = path.read_bytes().decode(errors="replace")
    for name, text in texts.items():
        for word in WORDS:
            assert word not in text, (
                f"{word!r} is in {name}: …{text[max(0, text.find(word) - 200) : text.find(word) + 60]}"
            )


def kept_files(lab: Lab) -> list[Path]:
    """Every file that hivectl itself wrote, on this machine and on the node."""
    homes = [lab.folder / "home", *lab.folder.glob("sshd*/h1/home")]
    return [
        path
        for folder in (lab.folder / "state", lab.folder / "reports", *homes)
        for path in folder.rglob("*")
        if path.is_file()
    ]


def test_no_secret_is_seen(lab: Lab, inside: Inside) -> None:
    (lab.folder / "reports").mkdir()
    secrets = {"TOKEN": SECRET, "OTHER": "hunter3"}
    arguments = ("site.yml", "--diff", "--report", "human", "--report", "jsonl=reports/run.jsonl")
    checked = inside(lab, "apply", "--check", *arguments, **secrets)
    said = inside(lab, "apply", *arguments, **secrets)
    assert said.code == 1, said.told
    assert "Fails without a log" in said.stdout
    assert "Traceback" not in said.told
    assert (lab.folder / "token").read_text() == SECRET
    assert (lab.folder / "conf").read_text() == f"token={SECRET}\nand {SECRET}\n"
    assert b"cmdline" in (lab.folder / "processes").read_bytes()
    again = inside(lab, "apply", *arguments, **secrets)
    assert "failed" in again.stdout
    shown = inside(lab, "run", "show", "last")
    every = inside(lab, "run", "show", "last", "--output", "json")
    debug = inside(lab, "--debug", "apply", *arguments, **secrets)
    assert_hidden(lab, checked, said, again, shown, every, debug)
    processes = (lab.folder / "processes").read_bytes().decode(errors="replace")
    assert SECRET not in processes
    assert "hunter3" not in processes


def test_a_run_that_is_resumed_uses_secrets_and_not_their_asterisks(here: Lab, inside: Inside) -> None:
    here.write(
        "site.yml",
        """\
- hosts: all
  vars: {token: !env TOKEN}
  tasks:
    - set_fact: {kept: "{{ token }}"}
    - shell: echo ran >> "{{ folder }}/count"; echo "$TOKEN"
      environment: {TOKEN: "{{ token }}"}
      register: echoed
    - command: test -e "{{ folder }}/go"
    - copy: {content: "{{ kept }}", dest: "{{ folder }}/kept"}
    - copy: {content: "{{ echoed.stdout }}", dest: "{{ folder }}/echoed"}
""",
    )
    said = inside(here, "apply", "site.yml", TOKEN=SECRET)
    assert said.code == 1, said.told
    (here.folder / "go").touch()
    [journal] = (here.folder / "state" / "runs").iterdir()
    again = inside(here, "apply", "--resume", journal.stem, TOKEN=SECRET)
    assert (here.folder / "kept").read_text() == SECRET
    # what the node said cannot be had again without doing it again: told, and nothing wrong is written
    assert again.code in {1, 3}, again.told
    assert "no journal keeps" in again.told, again.told
    assert (here.folder / "count").read_text() == "ran\n"
    assert not (here.folder / "echoed").exists()
    assert SECRET not in said.told + again.told + journal.read_text()


def test_a_secret_that_is_not_there_is_told_by_its_name(here: Lab, inside: Inside) -> None:
    for tag, word in (
        ("!env NO_SUCH", "NO_SUCH"),
        ("!file none.txt", "none.txt"),
        ("!command ['false']", "false"),
    ):
        here.write(
            "site.yml",
            f"- hosts: all\n  vars: {{token: {tag}}}\n  tasks:\n    - command: echo {{{{ token }}}}\n",
        )
        said = inside(here, "apply", "site.yml")
        assert said.code in {1, 3}, said.told
        assert word in said.told
        assert "site.yml:2:" in said.told
        assert "Traceback" not in said.told


def test_a_fault_of_ours_leaves_no_secret_in_its_crash_file(
    here: Lab, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hivectl.engine import outcome

    def fail(*_: object) -> object:
        raise RuntimeError("a fault")

    monkeypatch.setattr(outcome, "result_of", fail)
    here.write(
        "site.yml",
        "- hosts: all\n  vars: {token: !env TOKEN}\n  tasks:\n    - copy: {content: '{{ token }}', dest: '{{ folder }}/x'}\n",
    )
    state = {"XDG_STATE_HOME": str(here.folder / "state")}
    said = inside(here, "apply", "site.yml", TOKEN=SECRET, **state)
    assert said.code == 70, said.told
    [crash] = (here.folder / "state" / "hivectl" / "crashes").iterdir()
    assert str(crash) in said.stderr
    assert crash.stat().st_mode & 0o777 == 0o600
    assert SECRET not in said.told + crash.read_text()
    (item,) = json.loads(inside(here, "status", "-o", "json").stdout)["items"]
    assert item["holder"] is None
