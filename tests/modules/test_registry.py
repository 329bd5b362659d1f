from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from hivectl.drivers.base import Capability
from hivectl.model.parameters import convert, schema_of
from hivectl.model.plugins import BrokenPluginError, built_in_names
from hivectl.modules import registry
from hivectl.modules.registry import UnknownModuleError, find_module, known_module, module_names

OURS = sorted(built_in_names("hivectl.modules"))
ROOT = Path(__file__).parents[2]


def test_all_modules_are_found_by_their_own_and_by_ansibles_names() -> None:
    assert {"assert", "command", "copy", "program", "wait_for"} <= set(OURS)
    for name in OURS:
        assert find_module(name).name == name
        assert find_module(f"ansible.builtin.{name}") is find_module(f"ansible.legacy.{name}")
    assert set(OURS) <= set(module_names())


def test_the_package_declares_each_of_its_modules() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "hivectl.modules"
    ]

    assert sorted(points) == sorted(OURS)
    for name, value in points.items():
        file = f"{name}_" if name == "assert" else name
        assert value == f"hivectl.modules.{file}:MODULE"


def test_an_unknown_name_is_answered_with_the_nearest_right_one() -> None:
    with pytest.raises(UnknownModuleError, match=r"no module 'comand'.*did you mean 'command'"):
        find_module("comand")
    for name in ("base", "registry", "launcher", "__init__", "os.path", ""):
        assert known_module(name) is None


def test_anothers_broken_module_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    information = tmp_path / "broken-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[hivectl.modules]\nnothing = no_such_module_anywhere:MODULE\nnumber = math:pi\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry._installed.cache_clear()
    try:
        with pytest.raises(BrokenPluginError, match="'broken' cannot be loaded: ModuleNotFoundError"):
            find_module("nothing")
        with pytest.raises(BrokenPluginError, match="no Module"):
            find_module("number")
    finally:
        registry._installed.cache_clear()


@pytest.mark.parametrize("name", OURS)
def test_a_module_says_all_about_itself(name: str) -> None:
    module = find_module(name)

    assert [module.operations, module.procedure, module.group, module.decide].count(None) == 3
    assert module.summary
    assert module.check_mode in ("full", "none", "always")
    # power and boot loaders are beside the node, and a pause is the play's: no way to the node is needed
    assert bool(module.capabilities) == (module.decide is None and name not in ("flash", "pause", "power"))
    assert all(isinstance(one, Capability) for one in module.capabilities)
    assert module.returns
    properties = schema_of(module.parameters)["properties"]
    assert all(one.get("description") for one in properties.values())


@pytest.mark.parametrize("name", OURS)
def test_the_example_is_right(name: str) -> None:
    [task] = yaml.safe_load(find_module(name).example)
    module = find_module(name)
    arguments = task[name] or {}
    if not isinstance(arguments, dict):
        assert module.free_form is not None
        arguments = {module.free_form: arguments}

    assert convert(module.parameters, {**arguments, **task.get("args", {})}, what=name)


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from hivectl.modules.registry import find_module;"
        f"[find_module(name) for name in {OURS!r}];"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {
        "asyncssh",
        "jinja2",
        "networkx",
        "rich",
        "jsonschema_rs",
        "typer",
        "sqlite3",
        "importlib.metadata",
    }

    assert not heavy & set(done.stdout.split())
