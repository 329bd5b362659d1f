"""What templates and YAML may do on the controller: everything for its owner, nothing for what came over a network."""

from __future__ import annotations

from enum import Flag, auto


class Permission(Flag):
    """What may be done on the machine that hivectl runs on."""

    LOOK = auto()  # read its files and environment variables
    WRITE = auto()  # make files, as the lookup `password` does
    RUN = auto()  # start programs, as the lookup `pipe` and `!command` do


NOTHING = Permission(0)
EVERYTHING = Permission.LOOK | Permission.WRITE | Permission.RUN
WORDS = {
    Permission.LOOK: "reads files or environment variables of the controller",
    Permission.WRITE: "writes files of the controller",
    Permission.RUN: "runs commands on the controller",
}


def lacking(needed: Permission, allowed: Permission) -> str | None:
    """Return what is needed and not allowed, as the end of a sentence; None where nothing is lacking."""
    found = [words for one, words in WORDS.items() if one in needed and one not in allowed]
    return " and ".join(found) or None
