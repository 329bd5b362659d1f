"""Words on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def split_words(options: Iterable[str] | None) -> frozenset[str]:
    """Return the words of an option that may be repeated and holds several, separated by commas."""
    return frozenset(word.strip() for option in options or () for word in option.split(",") if word.strip())
