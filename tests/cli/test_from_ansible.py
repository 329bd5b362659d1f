"""Playbooks and options as people bring them from Ansible: what is not there is named, with what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command import Lab

OLD = """\
- hosts: m*
  user: root
  gather_facts: no
  vars_files: [vault.yml]
  tasks:
    - include: other.yml
    - community.general.timezone: {name: Europe/Zurich}
    - authorized_key: {user: pi, key: ssh-ed25519 AAAA}
    - {command: "true", always_run: yes, register: r}
    - import_playbook: other.yml
"""
VAULT = "$ANSIBLE_VAULT;1.1;AES256\n36313233\n"


def test_every_old_habit_is_named_at_once_with_what_to_write_instead(lab: Lab) -> None:
    lab.write("vault.yml", VAULT)
    lab.write("site.yml", OLD)
    done = lab.run("validate", "inventory", "site.yml")
    assert done.returncode == 3
    for place, words in [
        ("site.yml:2:3", "the inventory says who logs in"),
        ("site.yml:6:7", "write `include_tasks:`"),
        ("site.yml:7:7", "from /usr/share/zoneinfo/ZONE"),
        ("site.yml:8:7", "~/.ssh/authorized_keys"),
        ("site.yml:9:25", "write `check_mode: false`"),
        ("site.yml:10:7", "it stands beside plays"),
    ]:
        assert place in done.stderr
        assert words in done.stderr
    assert "6 errors" in done.stderr


@pytest.mark.parametrize(
    ("more", "place", "words"),
    [
        ("", "vault.yml:1:1", "`!command [ansible-vault, view, …]`"),
        (
            "  tasks:\n    - {ping: , register: r}\n    - {ping: , when: r|success}\n",
            "site.yml:5:22",
            "write `is success` in place of `| success`",
        ),
    ],
)
def test_what_is_found_when_the_rest_is_right(lab: Lab, more: str, place: str, words: str) -> None:
    lab.write("vault.yml", "a: 1\n" if more else VAULT)
    lab.write("site.yml", f"- hosts: m*\n  vars_files: [vault.yml]\n{more}")
    done = lab.run("validate", "inventory", "site.yml")
    assert done.returncode == 3
    assert place in done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--vault-password-file=x", "`!command [ansible-vault, view, …]`"),
        ("--syntax-check", "hivectl validate"),
        ("--user=pi", "the inventory says who logs in"),
        ("--chekc", "did you mean --check?"),
    ],
)
def test_options_of_ansible_playbook(lab: Lab, option: str, words: str) -> None:
    lab.write("site.yml", OLD)
    done = lab.run("apply", "site.yml", option)
    assert done.returncode == 3
    assert words in done.stderr
