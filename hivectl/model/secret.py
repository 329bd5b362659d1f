"""Values that are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = "********"


class Secret:
    """A text that no output, journal or traceback shows; `reveal()` is the only way to it.

    The text may come from a function (`!env`, `!file`, `!command`), which is called once, when the
    secret is first used, so that `hivectl validate` needs no password store.
    """

    __slots__ = ("_source", "_text")

    def __init__(self, source: str | Callable[[], str]) -> None:
        self._source = source if callable(source) else None
        self._text = None if callable(source) else source

    @property
    def revealed(self) -> bool:
        """Whether the text is in memory, so that it could have got out."""
        return self._text is not None

    def reveal(self) -> str:
        """Return the text itself, to be handed to the program that needs it and to nothing else."""
        if self._text is None:
            assert self._source is not None
            self._text = self._source()
        return self._text

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return self.reveal() == (other.reveal() if isinstance(other, Secret) else other)

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __len__(self) -> int:
        return len(self.reveal())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def reveal(value: Any) -> Any:
    """Return `value` with every secret inside it, at any depth, replaced by its text."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {reveal(key): reveal(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [reveal(item) for item in value]
    return value


def mask(value: Any) -> Any:
    """Return `value` with every secret inside it, at any depth, replaced by asterisks."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, dict):
        return {mask(key): mask(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item) for item in value]
    return value
