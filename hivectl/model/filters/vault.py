"""The filters `vault` and `unvault`: texts as ansible-vault encrypts them.

By the format's description, "Ansible Vault payload format 1.1 - 1.2" in Ansible's guide on vaults: a header line with
version, cipher and (in 1.2) the vault's name; then, as hexadecimal digits in lines of 80, salt, HMAC-SHA256 and
AES256-CTR ciphertext, each written as hexadecimal digits of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hivectl.model.filters.data import type_debug
from hivectl.model.secret import Secret
from hivectl.model.templating.errors import TemplateValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEADER = "$ANSIBLE_VAULT"
CIPHER = "AES256"
NAMELESS = "default"  # the name that is not written down, which makes format 1.1
ROUNDS = 10_000
KEY, BLOCK = 32, 16  # bytes
SALT = 32
WIDTH = 80
NOT_OPENED = "the password is another one, or the vault is damaged"


def vault(
    value: Any,
    secret: Any,
    salt: Any = None,
    vault_id: str = "filter_default",
    wrap_object: bool = False,
) -> str:
    """Return a text encrypted, as ansible-vault writes it.

    Args:
        value: what is to be hidden.
        secret: the password.
        salt: makes the same vault each time; absent: a random one, which a task sees as a change.
        vault_id: a name that stands in the header.
        wrap_object: refused, because values of `!vault` are not read here.

    Raises:
        TemplateValueError: it is no text, is encrypted already, or the arguments are wrong.
    """
    plain, password = _bytes(value, "the value"), _bytes(secret, "the password")
    if wrap_object:
        raise TemplateValueError(
            "wrap_object is not supported: values of !vault are not read",
            hint="write the text itself, and read it with `unvault`",
        )
    if plain.startswith(HEADER.encode()):
        raise TemplateValueError("the value is encrypted already")
    chosen = os.urandom(SALT) if salt is None else _bytes(str(salt), "the salt")
    if not chosen:
        raise TemplateValueError("the salt is empty", hint="leave `salt` out for a random one")
    keys = _keys(password, chosen)
    missing = BLOCK - len(plain) % BLOCK
    hidden = _cipher(keys).encryptor().update(plain + bytes([missing]) * missing)
    body = "\n".join([chosen.hex(), _seal(keys, hidden).hex(), hidden.hex()]).encode().hex()
    named = ["1.2", CIPHER, vault_id] if vault_id and vault_id != NAMELESS else ["1.1", CIPHER]
    lines = [body[at : at + WIDTH] for at in range(0, len(body), WIDTH)]
    return "\n".join([";".join([HEADER, *named]), *lines, ""])


def unvault(value: Any, secret: Any, vault_id: str = "filter_default") -> Any:  # noqa: ARG001  # a name decides nothing: there is one password
    """Return what a vault hides, as a secret; a text that is not encrypted comes back as it is.

    Raises:
        TemplateValueError: another password, a damaged vault, one of another format, or no text.
    """
    text, password = (
        _bytes(value, "the value").decode("utf-8", "surrogateescape"),
        _bytes(secret, "the password"),
    )
    if not text.startswith(HEADER):
        return value
    header, *lines = text.strip().splitlines()
    _, *named = [part.strip() for part in header.split(";")]
    if named[:1] not in (["1.1"], ["1.2"]) or named[1:2] != [CIPHER]:
        raise TemplateValueError(
            f"a vault of the format {';'.join(named)[:40]!r} cannot be opened",
            hint="formats 1.1 and 1.2 with AES256 can: `ansible-vault rekey` writes such",
        )
    try:
        salt, seal, hidden = map(bytes.fromhex, bytes.fromhex("".join(lines)).decode("ascii").split("\n", 2))
    except ValueError:
        raise TemplateValueError(
            "the vault cannot be opened",
            hint="it is damaged: salt, HMAC and ciphertext stand in it as hexadecimal digits",
        ) from None
    keys = _keys(password, salt)
    if not hmac.compare_digest(seal, _seal(keys, hidden)):
        raise TemplateValueError("the vault cannot be opened", hint=NOT_OPENED)
    padded = _cipher(keys).decryptor().update(hidden)
    if not padded:
        raise TemplateValueError("the vault cannot be opened", hint="it is damaged: nothing is in it")
    return Secret(padded[: -padded[-1]].decode("utf-8", "surrogateescape"))


def _bytes(value: Any, what: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TemplateValueError(f"{what} must be a text, not a value of type {type_debug(value)}")
    return value.encode("utf-8", "surrogateescape")


@lru_cache(maxsize=64)  # takes 5 ms, and is the same for all nodes
def _keys(password: bytes, salt: bytes) -> bytes:
    """Return the cipher's key, the HMAC's key and the counter's start."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, ROUNDS, 2 * KEY + BLOCK)


def _seal(keys: bytes, hidden: bytes) -> bytes:
    return hmac.digest(keys[KEY : 2 * KEY], hidden, "sha256")


def _cipher(keys: bytes) -> Any:
    # 60 ms that only those pay who use vaults
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(keys[:KEY]), modes.CTR(keys[2 * KEY :]))


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType({"vault": vault, "unvault": unvault})
