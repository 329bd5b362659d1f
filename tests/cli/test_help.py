"""Help: short, true, and the same everywhere."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from hivectl.cli.app import COMMANDS, load

if TYPE_CHECKING:
    from tests.support.command import Lab


def leaf_commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in COMMANDS:
        inner = getattr(load(name), "commands", None)
        found += [(name, one) for one in inner] if inner else [(name,)]
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name: str) -> None:
    command = load(name)
    assert command.help is not None
    said = COMMANDS[name][1].rstrip(".?")
    assert command.help.strip()
    assert len(said) < 60


@pytest.mark.parametrize("path", leaf_commands())
def test_every_command_has_help_with_an_example_of_itself(path: tuple[str, ...], lab: Lab) -> None:
    done = lab.run(*path, "--help", COLUMNS="200")
    assert done.returncode == 0
    example = re.search(r"Example: (hivectl .*)", done.stdout)
    assert example is not None
    words = shlex.split(example[1].partition(" | ")[0].partition(" > ")[0])
    assert tuple(words[1 : 1 + len(path)]) == path
    # every option of the example is one of the command's
    before = words[: words.index("--")] if "--" in words else words
    for word in before:
        if word.startswith("-"):
            assert re.search(rf"(^|[ ,/]){re.escape(word)}\b", done.stdout), word
