"""A package with one plugin, its documentation and tests that pass: `hivectl plugin new`."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from hivectl.model.errors import InputError
from hivectl.model.records import record
from hivectl.model.suggestions import did_you_mean

TEMPLATES = Path(__file__).with_name("plugins")
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


class ScaffoldError(InputError):
    """What was asked for cannot be written."""


@record
class Kind:
    """A kind of plugin.

    Attributes:
        name: as the command line has it, and the folder of its templates.
        group: of its entry points.
        value: what in the package's file the entry point names.
        summary: one line for people.
    """

    name: str
    group: str
    value: str
    summary: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("module", "hivectl.modules", "MODULE", "what a task can do"),
        Kind("driver", "hivectl.drivers", "DRIVER", "how a node is reached"),
        Kind("power", "hivectl.power", "BACKEND", "how a node's power is switched"),
        Kind("board", "hivectl.boards", "BOARD", "how a kind of board is flashed, and what it measures"),
        Kind("filter", "hivectl.filters", "keep", "what templates do with a value: {{ value | NAME }}"),
        Kind("test", "hivectl.tests", "is_so", "what templates ask of a value: {{ value is NAME }}"),
        Kind(
            "lookup",
            "hivectl.lookups",
            "LOOKUP",
            "what templates and loops find: lookup('NAME', …), with_NAME",
        ),
        Kind("reporter", "hivectl.reporters", "REPORTER", "how a run is told: --report NAME[=FILE]"),
        Kind("secrets", "hivectl.secrets", "PROVIDER", "where secrets come from: !NAME text"),
    )
}

PROJECT = """\
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{distribution}"
version = "0.1.0"
description = "A {kind} for hivectl"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["hivectl"]

[project.optional-dependencies]
test = ["pytest>=8.3"]

# how hivectl finds it: the name that people write, and where it is
[project.entry-points."{group}"]
{package} = "{package}:{value}"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""


def kind_of(name: str) -> Kind:
    """Return a kind of plugin by name; raises ScaffoldError with the nearest right one."""
    if name not in KINDS:
        raise ScaffoldError(
            f"there is no kind of plugin {name!r}",
            hint=did_you_mean(name, KINDS) or f"there are {', '.join(KINDS)}",
        )
    return KINDS[name]


def documentation(kind: Kind) -> str:
    """Return what a kind of plugin is and how it is written, as Markdown."""
    text = (TEMPLATES / kind.name / "README.md").read_text(encoding="utf-8")
    return text.replace("__PACKAGE__", f"lab_{kind.name}").replace("__DISTRIBUTION__", f"lab-{kind.name}")


def write_plugin(name: str, kind: Kind, folder: Path) -> list[Path]:
    """Write a package and return its files.

    Args:
        name: of the package, such as lab-light; with underscores it is what playbooks and inventories write.
        kind: of plugin.
        folder: where the package's folder is made.

    Raises:
        ScaffoldError: the name is none, or the folder is there already or cannot be made.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ScaffoldError(
            f"{name!r} is not the name of a package",
            hint="write small letters, digits and single hyphens, such as lab-light",
        )
    package = name.replace("-", "_")
    distribution = name.replace("_", "-")
    texts = {
        Path("pyproject.toml"): PROJECT.format(
            distribution=distribution, package=package, kind=kind.name, group=kind.group, value=kind.value
        ),
        Path("README.md"): _template(kind, "README.md"),
        Path(package, "__init__.py"): _template(kind, "plugin.py.txt"),
        Path(package, "py.typed"): "",
        Path("tests", f"test_{package}.py"): _template(kind, "test.py.txt"),
    }
    root = folder / distribution
    try:
        root.mkdir()
        for path, text in texts.items():
            (root / path).parent.mkdir(exist_ok=True)
            filled = text.replace("__PACKAGE__", package).replace("__DISTRIBUTION__", distribution)
            (root / path).write_text(filled, encoding="utf-8")
    except FileExistsError:
        raise ScaffoldError(
            f"{root} is there already", hint="choose another name, or another folder"
        ) from None
    except OSError as error:
        raise ScaffoldError(f"cannot write {error.filename}: {error.strerror}") from error
    return [root / path for path in texts]


def _template(kind: Kind, name: str) -> str:
    return (TEMPLATES / kind.name / name).read_text(encoding="utf-8")
