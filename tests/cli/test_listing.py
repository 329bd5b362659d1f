"""What a playbook would do, listed; beginning at a task; roles and files of tasks that are validated by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.command import Lab

SITE = """\
- name: Servers
  hosts: m*
  roles: [{role: web, tags: web}]
  pre_tasks:
    - {name: First, ping: , tags: [always, early]}
  tasks:
    - include_tasks: more.yml
    - {name: Never, ping: , tags: never}
    - {name: Last, command: "true"}
"""
MORE = "- {name: Inside, ping: , tags: deep}\n"
WEB = "- {name: Install, ping: , tags: [install]}\n- {name: Start, ping: }\n"


def write(lab: Lab) -> None:
    lab.write("site.yml", SITE)
    lab.write("more.yml", MORE)
    lab.write("roles/web/tasks/main.yml", WEB)


def test_tasks_and_tags_are_listed(lab: Lab) -> None:
    write(lab)
    done = lab.run("apply", "site.yml", "--list-tasks")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "",
        "playbook: site.yml",
        "",
        "  play #1 (m*): Servers",
        "    tasks:",
        "      First\tTAGS: [always, early]",
        "      web : Install\tTAGS: [install, web]",
        "      web : Start\tTAGS: [web]",
        "      include_tasks: more.yml\tTAGS: []",
        "      Inside\tTAGS: [deep]",
        "      Last\tTAGS: []",
    ]
    done = lab.run("apply", "site.yml", "--list-tags", "--tags", "web")
    assert "TASK TAGS: [always, early, install, web]" in done.stdout


def test_a_run_begins_at_a_task(lab: Lab) -> None:
    write(lab)
    done = lab.run("apply", "site.yml", "--list-tasks", "--start-at-task", "web : St*")
    assert [line.split("\t")[0].strip() for line in done.stdout.splitlines()[5:]] == [
        "web : Start",
        "include_tasks: more.yml",
        "Inside",
        "Last",
    ]
    done = lab.run("apply", "site.yml", "--start-at-task", "Lats")
    assert done.returncode == 3
    assert "did you mean `Last`?" in done.stderr


def test_roles_and_files_of_tasks_are_validated_by_themselves(lab: Lab) -> None:
    write(lab)
    done = lab.run("validate", "roles/web", "more.yml", "site.yml")
    assert done.returncode == 0, done.stderr
    lab.write("roles/web/handlers/main.yml", "- {name: H, pign: }\n")
    lab.write("more.yml", "- {name: Inside, ping: , wen: x}\n")
    done = lab.run("validate", "roles/web", "more.yml")
    assert done.returncode == 3
    assert "roles/web/handlers/main.yml:1:13" in done.stderr
    assert "more.yml:1:" in done.stderr
    assert "did you mean `when`?" in done.stderr
