"""The text that `command`, `shell` and `raw` take: a command with `creates=/x` and the like among its words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.model.words import unquoted, words

if TYPE_CHECKING:
    from collections.abc import Collection

OPTION = re.compile(r"([a-z_]+)=")


def split_options(text: str, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """Split a free form into the command, exactly as it is written, and the options among its words.

    Args:
        text: as written, before templates are rendered, so that no value can bring an option with it.
        names: the options that are taken out; anything else with a `=` belongs to the command.
    """
    options: dict[str, str] = {}
    kept: list[str] = []
    place = 0
    for begin, end in words(text):
        match = OPTION.match(text, begin, end)
        if match is None or match[1] not in names:
            continue
        options[match[1]] = unquoted(text[match.end() : end])
        kept.append(text[place:begin])
        place = end if end == len(text) or not text[end].isspace() else end + 1
    kept.append(text[place:])
    return "".join(kept).strip(), options
