"""What came over a network does nothing on the controller: it reads no file, starts no program, writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hivectl.model.errors import HivectlError
from hivectl.model.permissions import NOTHING, Permission
from hivectl.model.templates import Templates, UnsafeTemplateError
from hivectl.model.yaml import load_text

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = {
    "lookup('pipe', 'touch done')": "runs commands on the controller",
    "query('lines', 'touch done')": "runs commands on the controller",
    "lookup('ansible.builtin.pipe', 'touch done', errors='ignore')": "runs commands on the controller",
    "lookup('pi' ~ 'pe', 'touch done')": "runs commands on the controller",
    "lookup('env', 'HOME')": "reads files or environment variables",
    "lookup('file', '/etc/passwd')": "reads files or environment variables",
    "lookup('first_found', '/etc/passwd', skip=true)": "reads files or environment variables",
    "lookup('fileglob', '/etc/*')": "reads files or environment variables",
    "lookup('template', '/etc/passwd')": "reads files or environment variables",
    "lookup('ini', 'a', file='/etc/passwd')": "reads files or environment variables",
    "lookup('csvfile', 'a', file='/etc/passwd')": "reads files or environment variables",
    "lookup('password', 'done')": "reads files or environment variables of the controller and writes files",
    "'/etc/*' | fileglob": "refused for a playbook that came over the network",
    "'/etc/passwd' is vaulted_file": "refused for a playbook that came over the network",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_templates_do_nothing_on_the_controller(expression: str, tmp_path: Path) -> None:
    templates = Templates(folder=tmp_path, allowed=NOTHING)
    with pytest.raises(UnsafeTemplateError, match=REFUSED[expression]):
        templates.render("{{ " + expression + " }}", {})
    assert list(tmp_path.iterdir()) == []


def test_loops_do_neither(tmp_path: Path) -> None:
    templates = Templates(folder=tmp_path, allowed=NOTHING)
    with pytest.raises(UnsafeTemplateError, match="the lookup lines runs commands"):
        templates.look_up("lines", "touch done", {})
    assert list(tmp_path.iterdir()) == []
    assert templates.look_up("items", [1, [2]], {}) == [1, 2]


def test_one_permission_gives_no_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("text")
    templates = Templates(folder=tmp_path, allowed=Permission.LOOK)
    assert templates.render("{{ lookup('file', 'a') }}", {}) == "text"
    for other in ("lookup('pipe', 'true')", "lookup('password', 'b')"):
        with pytest.raises(UnsafeTemplateError):
            templates.render("{{ " + other + " }}", {})


@pytest.mark.parametrize("tag", ["!command [touch, done]", "!env HOME", "!file /etc/passwd"])
def test_tags_of_yaml_are_refused_with_their_place(tag: str) -> None:
    with pytest.raises(HivectlError, match=r"f.yml:2:4: .* is refused for what came over the network"):
        load_text(f"a: 1\nb: {tag}\n", "f.yml", allowed=NOTHING)
    assert load_text(f"a: 1\nb: {tag}\n", "f.yml") is not None
