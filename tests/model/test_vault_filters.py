"""`vault` and `unvault` beside the comparison with ansible-core in template_table.py: secrets, damage, other formats."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.model.filters.vault import unvault, vault
from hivectl.model.secret import Secret, reveal
from hivectl.model.templates import TemplateError, Templates
from hivectl.model.variables import Layer, Scope
from tests.support.ansible_templates import ansible_environment, ansible_playbook

if TYPE_CHECKING:
    from pathlib import Path

TEXT, PASSWORD = "hunter2hunter2", "open sesame"


def rendered(expression: str) -> Any:
    variables = {
        "password": Secret(PASSWORD),
        "secret": Secret(TEXT),
        "sealed": vault(TEXT, PASSWORD, "abc"),
    }
    scope = Scope(Templates(), [Layer("play", variables)])
    return scope.templates.render(expression, scope)


@settings(max_examples=25, deadline=None)
@given(
    st.text(), st.text(), st.one_of(st.none(), st.text(min_size=1)), st.sampled_from(["", "default", "lab"])
)
def test_what_is_sealed_can_be_opened(text: str, password: str, salt: str | None, name: str) -> None:
    if not text.startswith("$ANSIBLE_VAULT"):
        assert reveal(unvault(vault(text, password, salt, name), password)) == text


def test_the_program_ansible_vault_opens_ours_and_we_open_its(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    file = tmp_path / "file"

    def program(*words: str) -> str:
        done = subprocess.run(
            [ansible_playbook().replace("-playbook", "-vault"), *words, "--vault-password-file", "password"],
            env=ansible_environment(tmp_path),
            cwd=tmp_path,
            input=TEXT,
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        return done.stdout

    file.write_text(vault(TEXT, PASSWORD))
    assert program("view", "file").strip() == TEXT
    program("encrypt", "--output", "theirs")
    assert reveal(unvault((tmp_path / "theirs").read_text(), PASSWORD)) == TEXT


def test_what_is_opened_is_secret_whatever_the_password_was() -> None:
    for expression in ("{{ sealed | unvault(password) }}", "{{ sealed | unvault('open sesame') }}"):
        value = rendered(expression)
        assert isinstance(value, Secret)
        assert value.reveal() == TEXT
    assert isinstance(rendered("pw={{ sealed | unvault(password) }}"), Secret)


def test_a_vault_itself_may_be_seen() -> None:
    made = rendered("{{ secret | vault(password) }}")
    assert isinstance(made, str)
    assert made.startswith("$ANSIBLE_VAULT;1.2;AES256;filter_default\n")
    assert reveal(unvault(made, PASSWORD)) == TEXT


WRONG = {
    "{{ sealed | unvault('another') }}": "the password is another one",
    "{{ sealed | unvault(secret) }}": "the password is another one",
    "{{ sealed[:-3] | unvault(password) }}": "it is damaged",
    "{{ '$ANSIBLE_VAULT;1.1;AES256' | unvault(password) }}": "it is damaged",
    "{{ '$ANSIBLE_VAULT;1.0;AES' | unvault('x') }}": "a vault of the format '1.0;AES' cannot be opened",
    "{{ '$ANSIBLE_VAULT;1.0;AES' | unvault(password) }}": "formats 1.1 and 1.2 with AES256 can",
    "{{ sealed | vault('x') }}": "encrypted already",
    "{{ [1] | vault('x') }}": "must be a text, not a value of type list",
    "{{ 'x' | vault(7) }}": "the password must be a text",
    "{{ 'x' | vault('x', salt='') }}": "the salt is empty",
    "{{ 'x' | vault('x', wrap_object=true) }}": "wrap_object is not supported",
    "{{ 7 | unvault('x') }}": "must be a text",
}


@pytest.mark.parametrize("expression", WRONG)
def test_what_is_wrong_is_told_without_a_secret(expression: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(expression)
    assert WRONG[expression] in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert TEXT not in str(caught.value)


def test_nobody_pays_who_seals_nothing() -> None:
    asked = "import hivectl.model.filters.registry, sys; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
