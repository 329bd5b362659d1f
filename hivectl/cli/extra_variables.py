"""`-e`: K=V, JSON or @FILE, as Ansible takes them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
MARK = re.compile("\0([0-9]+)\0")


def extra_variables(words: Sequence[str]) -> dict[str, Any]:
    """Return the variables of all `-e`, later ones win.

    Raises:
        InputError: a word that is none of K=V, JSON or @FILE; or Complaints about a file.
    """
    variables: dict[str, Any] = {}
    for word in words:
        variables.update(_parse(word))
    for name in variables:
        if not str(name).isidentifier():
            raise InputError(f"-e: '{name}' is no name of a variable", hint="letters, digits and _ only")
    return variables


def _parse(word: str) -> dict[str, Any]:
    if word.startswith("@"):
        from hivectl.model.yaml import load_yaml

        return _mapping(load_yaml(Path(word[1:])), f"the file {word[1:]}")
    if word.lstrip().startswith("{"):
        from hivectl.model.yaml import load_text

        return _mapping(load_text(word, "-e"), "JSON")
    templates = dict(enumerate(TEMPLATE.findall(word)))
    # a template is one word, whatever blanks and quotes are in it
    numbers = iter(templates)
    marked = TEMPLATE.sub(lambda _: f"\0{next(numbers)}\0", word)
    try:
        pairs = [MARK.sub(lambda match: templates[int(match[1])], pair) for pair in shlex.split(marked)]
    except ValueError as error:
        raise InputError(f"-e {word!r}: {error}", hint="quote the whole: -e 'name=\"a b\"'") from None
    split = [pair.partition("=") for pair in pairs]
    wrong = next((name for name, equals, _ in split if not equals), None)
    if wrong is not None or not split:
        raise InputError(f"-e {word!r} is not of the form NAME=VALUE", hint="or a JSON object, or @FILE")
    return {name: value for name, _, value in split}


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"-e: {what} does not hold names and values")
    return value
