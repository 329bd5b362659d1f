"""Lookups beyond what ansible-core has to compare with: secrets, roles' folders, mistakes, hashes."""

from __future__ import annotations

import stat
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hivectl.model.filters.crypt import ALPHABET, hashed
from hivectl.model.secret import Secret
from hivectl.model.templates import TemplateError, Templates, TemplateSyntaxError, UndefinedVariableError
from hivectl.model.variables import Layer, Scope

if TYPE_CHECKING:
    from pathlib import Path


def render(text: str, folder: Path, **variables: Any) -> Any:
    templates = Templates(folder=folder)
    return templates.render("{{ " + text + " }}", Scope(templates, [Layer("all", variables)]))


# -- passwords


def test_a_password_is_made_once_and_is_a_secret(tmp_path: Path) -> None:
    first = render("lookup('password', 'credentials/db length=12 chars=ascii_lowercase,digits')", tmp_path)
    assert isinstance(first, Secret)
    file = tmp_path / "credentials/db"
    assert file.read_text() == first.reveal() + "\n"
    assert len(first.reveal()) == 12
    assert first.reveal().isalnum()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert render("lookup('password', 'credentials/db')", tmp_path) == first
    assert [one.name for one in file.parent.iterdir()] == ["db"]


def test_what_is_made_of_a_password_is_a_secret_too(tmp_path: Path) -> None:
    made = render("'user:' ~ lookup('password', 'pw')", tmp_path)
    assert isinstance(made, Secret)
    assert made.reveal() == "user:" + (tmp_path / "pw").read_text().strip()
    two = render("lookup('password', 'pw', 'other')", tmp_path)
    assert isinstance(two, Secret)
    assert two.reveal().count(",") >= 1


def test_a_hash_stays_the_same_since_its_salt_is_kept(tmp_path: Path) -> None:
    text = "lookup('password', 'pw', encrypt='sha256_crypt', length=8)"
    first = render(text, tmp_path).reveal()
    assert first.startswith("$5$rounds=535000$")
    assert render(text, tmp_path).reveal() == first
    word, _, salt = (tmp_path / "pw").read_text().strip().partition(" salt=")
    assert hashed(word, "sha256_crypt", salt, 535_000) == first
    assert render("lookup('password', 'pw')", tmp_path).reveal() == word
    assert stat.S_IMODE((tmp_path / "pw").stat().st_mode) == 0o600


def test_threads_that_make_one_password_agree_on_it(tmp_path: Path) -> None:
    found: list[str] = []

    def ask() -> None:
        found.append(render("lookup('password', 'pw')", tmp_path).reveal())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lookup('password', 'pw lenght=3')", 'there is no option "lenght" (did you mean "length"?)'),
        ("lookup('password', 'pw', encrypt='bcrypt')", 'the password hash "bcrypt" is not supported'),
        ("lookup('password', 'pw', chars=[])", "`chars` names no characters"),
        ("lookup('password', 'pw', length=10 ** 6)", "pads a text to more than"),
        ("lookup('password', '/proc/nowhere/pw')", "the password file /proc/nowhere/pw cannot be used"),
    ],
)
def test_a_password_that_cannot_be_made_says_why(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TemplateError) as caught:
        render(text, tmp_path)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


# -- hashes


@settings(max_examples=12, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), min_size=1, max_size=80),
    st.text(ALPHABET, min_size=1, max_size=16),
    st.sampled_from([("5", "sha256_crypt"), ("6", "sha512_crypt")]),
    st.sampled_from([1000, 1037]),
)
def test_hashes_are_those_of_openssl(password: str, salt: str, scheme: tuple[str, str], rounds: int) -> None:
    command = ["openssl", "passwd", f"-{scheme[0]}", "-salt", f"rounds={rounds}${salt}", "-stdin"]
    done = subprocess.run(command, input=password.encode() + b"\n", capture_output=True, check=True)
    assert hashed(password, scheme[1], salt, rounds) == done.stdout.decode().strip()


def test_rounds_that_everybody_implies_are_not_written() -> None:
    made = hashed("Hello world!", "sha512_crypt", "saltstring", 5000)
    assert (
        made
        == "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
    )


def test_a_filter_hashes_passwords_for_the_user_module(tmp_path: Path) -> None:
    made = render("'word' | password_hash(salt='abc', rounds=1000)", tmp_path)
    assert made == hashed("word", "sha512_crypt", "abc", 1000)
    of_secret = render("word | password_hash('sha256', 'abc', rounds=1000)", tmp_path, word=Secret("word"))
    assert isinstance(of_secret, Secret)
    assert of_secret.reveal() == hashed("word", "sha256_crypt", "abc", 1000)
    assert render("('word' | password_hash(rounds=1000)) != ('word' | password_hash(rounds=1000))", tmp_path)


# -- folders


def test_a_roles_own_files_are_found_first(tmp_path: Path) -> None:
    role = tmp_path / "roles/web"
    for folder, text in ((role, "role"), (tmp_path, "playbook")):
        for kind in ("files", "templates"):
            (folder / kind).mkdir(parents=True)
            (folder / kind / "a").write_text(f"{text} {kind}")
    (tmp_path / "files/b").write_text("only the playbook's")
    known = {"role_path": str(role)}
    assert render("lookup('file', 'a')", tmp_path, **known) == "role files"
    assert render("lookup('file', 'b')", tmp_path, **known) == "only the playbook's"
    assert render("lookup('template', 'a')", tmp_path, **known) == "role templates"
    assert render("lookup('first_found', 'a')", tmp_path, **known) == str(role / "files/a")
    assert render("query('fileglob', '*')", tmp_path, **known) == [str(role / "files/a")]
    assert render("lookup('file', 'a')", tmp_path) == "playbook files"
    path = {"ansible_search_path": [str(tmp_path), str(role)]}
    assert render("lookup('file', 'a')", tmp_path, **path) == "role files"


# -- mistakes


@pytest.mark.parametrize(
    "text",
    [
        "lookup('file', absent)", "lookup('file', absent, errors='ignore')", "query('items', 1, absent)", "lookup('dict', absent)",
        "lookup('env', 'HOME', default=absent) ~ lookup('env', 'NOT_SET', default=absent)", "lookup('vars', 'absent')",
        "lookup('template', 'a.j2', errors='ignore')", "lookup('file', 'x', rstrip=absent)",
    ],
)  # fmt: skip
def test_what_is_undefined_is_never_taken_for_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.j2").write_text("{{ absent }}")
    with pytest.raises(UndefinedVariableError, match="absent"):
        render(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lookup('file', 'nope')", "there is no file nope in "),
        ("lookup('file', ['a'])", "a text is needed, not a value of type list (write * before a list: lookup(…, *the_list))"),
        ("lookup('dict', [1])", "a mapping is needed, not a value of type list"),
        ("query('nested', 1, [2])", "lists are needed, not a value of type int"),
        ("query('nested')", "at least one list is needed"),
        ("query('subelements', [{}], 'k')", "an element has no k (a third term {skip_missing: true} leaves such elements out)"),
        ("query('subelements', 1)", "two terms are needed"),
        ("query('sequence', 'start=5 end=1')", "from 5 to 1 no step of 1 leads"),
        ("query('sequence', 'start=1')", "a sequence needs `end` or `count`, and not both"),
        ("query('sequence', 'edn=1')", 'there is no option "edn" (did you mean "end"?)'),
        ("query('sequence', 'start=1 end=3 format=x')", 'the format "x" needs one % field'),
        ("query('sequence', 'end=99999999')", "more than 1,000,000 values"),
        ("query('sequence', '1-3:%99999d')", "pads a text to more than"),
        ("lookup('ini', 'a', file='a.ini')", 'a.ini has no section "global" (its sections: one)'),
        ("lookup('csvfile', 'a', file='a.csv', col=9, delimiter=',')", "a.csv has no column 9"),
        ("lookup('pipe', 'echo why >&2; exit 7')", "the command ended with 7: why"),
        ("lookup('inventory_hostnames', 'all')", "there is no inventory to select from here"),
        ("lookup('first_found', 'x', 'y')", "none of the files is there (skip=true finds nothing rather than fail)"),
        ("lookup(1, 'x')", "the name of a lookup is a text"),
        ("lookup(kind, 'x')", 'there is no lookup "fiel" (did you mean "file"?)'),
    ],
)  # fmt: skip
def test_a_mistake_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text("[one]\nk=v\n")
    (tmp_path / "a.csv").write_text("a,b\n")
    with pytest.raises(TemplateError) as caught:
        render(text, tmp_path, kind="fiel")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["url", "config", "unvault", "community.general.dig", "ansible.builtin.fiel"]
)
def test_lookups_that_are_not_there_are_refused_before_anything_is_rendered(name: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=name.rpartition(".")[2]):
        Templates().required_names("{{ lookup('" + name + "', 'x') }}")


def test_a_warning_is_told_and_nothing_else_happens(tmp_path: Path) -> None:
    told: list[str] = []
    templates = Templates(folder=tmp_path, warn=told.append)
    assert templates.render("{{ lookup('file', 'nope', errors='warn') }}", {}) is None
    assert templates.render("{{ query('file', 'nope', errors='warn') }}", {}) == []
    assert len(told) == 2
    assert all(text.startswith("the lookup file found nothing: there is no file nope") for text in told)


def test_secrets_among_items_stay_where_they_are(tmp_path: Path) -> None:
    users = [{"name": "ann", "word": Secret("hunter2")}, {"name": "bob", "word": Secret("x")}]
    found = render("query('items', users)", tmp_path, users=users)
    assert found == users
    assert found[0]["name"] == "ann"
    assert isinstance(found[0]["word"], Secret)
    assert isinstance(render("lookup('vars', 'word')", tmp_path, word=Secret("a")), Secret)
