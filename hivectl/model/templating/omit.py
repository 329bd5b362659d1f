"""The value of `omit`: whatever has it is left out."""

from __future__ import annotations


class Omit:
    """What `omit` is: the key, item or parameter that has it is left out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "omit"


OMIT = Omit()
