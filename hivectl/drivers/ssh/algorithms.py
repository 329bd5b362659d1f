"""Algorithm lists as ssh_config writes them, less what asyncssh does not have."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from asyncssh.encryption import get_default_encryption_algs, get_encryption_algs
from asyncssh.kex import get_default_kex_algs, get_kex_algs
from asyncssh.mac import get_default_mac_algs, get_mac_algs
from asyncssh.public_key import get_default_public_key_algs, get_public_key_algs

from hivectl.drivers.ssh.config import matches_patterns
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

LISTS: dict[str, tuple[Callable[[], list[bytes]], Callable[[], list[bytes]]]] = {
    "ciphers": (get_default_encryption_algs, get_encryption_algs),
    "macs": (get_default_mac_algs, get_mac_algs),
    "kex_algorithms": (get_default_kex_algs, get_kex_algs),
    "host_key_algorithms": (get_default_public_key_algs, get_public_key_algs),
}


@lru_cache(maxsize=64)
def usable(kind: str, text: str | None) -> list[str]:
    """Return the algorithms that a list names and asyncssh has; empty without a list.

    Args:
        kind: of LISTS.
        text: names or patterns with commas between; `+` adds to the defaults, `-` removes, `^` puts first.

    Raises:
        InputError: nothing is left.
    """
    if text is None:
        return []
    defaults, possible = ([name.decode() for name in give()] for give in LISTS[kind])
    if text == "*":
        return defaults
    sign, names = (text[0], text[1:]) if text[:1] in {"+", "-", "^"} else ("", text)
    patterns = names.split(",")
    chosen = [name for pattern in patterns for name in possible if matches_patterns(name, [pattern])]
    result = {
        "": chosen,
        "+": [*defaults, *chosen],
        "-": [name for name in defaults if name not in chosen],
        "^": [*chosen, *defaults],
    }[sign]
    if not result:
        raise InputError(f"{kind}: nothing of `{text}` is supported", hint=f"known: {', '.join(possible)}")
    return list(dict.fromkeys(result))


@lru_cache(maxsize=1)
def cipher_order() -> list[str]:
    """Return the default ciphers with AES-GCM first: a quarter of ChaCha20's CPU a packet in asyncssh."""
    names = [name.decode() for name in get_default_encryption_algs()]
    return sorted(names, key=lambda name: "gcm" not in name)
