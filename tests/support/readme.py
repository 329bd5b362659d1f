"""The README's examples, taken from between its fences: what is told there is what is tested."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> dict[str, str]:
    """Return the examples that begin with a comment, by what it says: mostly the file that they are."""
    found = {}
    for language, text in FENCED.findall(README.read_text(encoding="utf-8")):
        first, _, rest = text.partition("\n")
        if language != "console" and first.startswith("# "):
            found[first.removeprefix("# ")] = rest
    return found


def commands() -> list[str]:
    """Return the command lines of the README's console examples, without prompts and remarks."""
    lines = [
        line
        for language, text in FENCED.findall(README.read_text())
        if language == "console"
        for line in text.splitlines()
    ]
    return [
        re.sub(r"\s+#.*$", "", line.removeprefix("$ ")).strip() for line in lines if line.startswith("$ ")
    ]
