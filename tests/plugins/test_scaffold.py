"""`hivectl plugin new` writes packages whose own tests pass once they are installed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hivectl.scaffold.plugin import KINDS
from tests.support.command import PACKAGE, Lab, make_lab

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return make_lab(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests(kind: str, lab: Lab) -> None:
    written = lab.run("plugin", "new", f"lab-{kind}", "--kind", kind)
    assert written.returncode == 0, written.stderr
    assert f"lab-{kind}/pyproject.toml" in written.stdout
    source, site = lab.folder / f"lab-{kind}", lab.folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    where = ["--no-build-isolation", "--no-index", "--target", str(site), str(source)]
    subprocess.run([*pip, *where], check=True, timeout=60, stdin=subprocess.DEVNULL)
    path = f"{site}:{PACKAGE}"
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "tests")],
        env=lab.environment(PYTHONPATH=path),
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert tests.returncode == 0, tests.stdout
    listed = lab.run("plugin", "list", PYTHONPATH=path).stdout
    assert f"lab_{kind}" in listed
    assert "0.1.0" in listed


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_explained_in_twenty_lines(kind: str, lab: Lab) -> None:
    shown = lab.run("plugin", "show", kind).stdout
    assert "__" not in shown.replace("__init__", "")
    assert 10 <= len(shown.splitlines()) <= 26
    assert kind in lab.run("plugin", "kinds").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Lab Light"], "is not the name of a package"),
        (["class"], "is not the name of a package"),
        (["../up"], "is not the name of a package"),
        (["light", "--kind", "modul"], "did you mean"),
        (["light", "--in", "nowhere"], "cannot write"),
    ],
)
def test_what_cannot_be_written_is_told(arguments: list[str], told: str, lab: Lab) -> None:
    done = lab.run("plugin", "new", *arguments)
    assert done.returncode == 3
    assert told in done.stderr


def test_nothing_is_overwritten(lab: Lab) -> None:
    assert lab.run("plugin", "new", "light").returncode == 0
    (lab.folder / "light/README.md").write_text("mine")
    assert "is there already" in lab.run("plugin", "new", "light").stderr
    assert (lab.folder / "light/README.md").read_text() == "mine"
