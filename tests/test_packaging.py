"""What is committed and what is packed: whole, current, and without a trace of the machine that made it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import jsonschema
import pytest

from hivectl.model.yaml import load_yaml

ROOT = Path(__file__).parents[1]
LEFT_OUT = {
    ".git",
    ".venv",
    ".hivectl",
    ".hypothesis",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
}
# a home that is not `~`, and places where only one machine's checkouts lie; root's own may be meant on a node
MACHINE = re.compile(
    r"(?<![\w~.}])(?:/work/|/opt/(?:pypi|wheels)|/root/\.|/home/(?!deep\b|pat\b|ann\b|pi\b|\{)[a-z]+/)"
)
# whatever serves packages instead of the public registries
REGISTRY = re.compile(
    r"https?://[^\s\"'/]*(?:pypi|simple|index|registry|mirror|proxy)[^\s\"']*|--(?:extra-)?index-url|\[\[index"
)


def committed() -> list[Path]:
    """Return the files of the repository; of an unpacked sdist all that it has."""
    if (ROOT / ".git").exists():
        # also what is not committed yet
        listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not LEFT_OUT & set(path.relative_to(ROOT).parts)
    ]


def test_no_file_names_the_machine_that_it_was_written_on() -> None:
    found = []
    for path in committed():
        if path == Path(__file__).resolve() or path.suffix in {".png", ".uf2", ".bin"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE.search(line) or REGISTRY.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not found, "\n".join(found)


def test_the_lock_has_exact_versions_of_all_that_is_needed() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*(?: ; [^@]+)?", line)] == []
    locked = {line.partition("==")[0] for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = {re.split(r"[<>=!~ ;\[]", one)[0].lower() for one in wanted}
    assert names - locked == set(), "run `make lock`"


@pytest.mark.parametrize("kind", ["playbook", "inventory"])
def test_our_examples_fit_their_schemas_as_the_reference_checks_them(kind: str) -> None:
    schema = json.loads((ROOT / f"schemas/{kind}.schema.json").read_text())
    checker = jsonschema.Draft202012Validator(schema)
    checker.check_schema(schema)
    files = sorted((ROOT / {"playbook": "playbooks", "inventory": "inventory"}[kind]).glob("*.yml"))
    assert files
    for file in files:
        assert [error.message for error in checker.iter_errors(load_yaml(file))] == [], file.name
        first = file.read_text().partition("\n")[0]
        assert first == f"# yaml-language-server: $schema=../schemas/{kind}.schema.json"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheel and the sdist, built without the network."""
    folder = tmp_path_factory.mktemp("packed")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return folder


def package_files() -> set[str]:
    return {
        str(path.relative_to(ROOT)) for path in committed() if path.relative_to(ROOT).parts[0] == "hivectl"
    }


@pytest.mark.xdist_group("packed")
def test_the_wheel_has_the_whole_package_and_nothing_else(packed: Path) -> None:
    with zipfile.ZipFile(next(packed.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert names == package_files()
        assert {"hivectl/py.typed", "hivectl/helper/program.py"} <= names
        information = {name.partition("/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
        points = wheel.read(information["entry_points.txt"]).decode()
        assert "hivectl = hivectl.cli.main:run" in points
        assert "licenses/LICENSE" in information
        metadata = wheel.read(information["METADATA"]).decode()
        assert "Requires-Python: >=3.11" in metadata
        assert "License-Expression: MIT" in metadata


@pytest.mark.xdist_group("packed")
def test_the_sdist_has_what_its_tests_need_and_nothing_of_this_machine(packed: Path) -> None:
    with tarfile.open(next(packed.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    needed = {str(path.relative_to(ROOT)) for path in committed()}
    assert needed - names - {".gitignore"} == set()
    assert names - needed <= {"PKG-INFO", ".gitignore"}


@pytest.mark.xdist_group("packed")
def test_the_wheel_runs_where_there_is_no_repository(packed: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(next(packed.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    (tmp_path / "lab.yml").write_text("version: 1\nnodes: {here: {driver: local}}\n")
    (tmp_path / "site.yml").write_text("- hosts: all\n  tasks:\n    - copy: {content: a, dest: ~/a}\n")
    (tmp_path / "home").mkdir()
    program = f"import sys; sys.path.insert(0, {str(site)!r}); from hivectl.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "apply", "-i", "lab.yml", "site.yml"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path / "home"), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert (tmp_path / "home/a").read_text() == "a"
