"""Password hashes for /etc/shadow: SHA-crypt, as passlib and crypt(3) make them.

By the specification: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512",
https://www.akkadia.org/drepper/SHA-crypt.txt (public domain). Python's own `crypt` is gone since 3.13, and passlib
has had no release since 2020.
"""

from __future__ import annotations

import hashlib
import random
import re
import string
from functools import lru_cache
from typing import Any

from hivectl.model.templating.errors import TemplateValueError

ALPHABET = "./" + string.digits + string.ascii_uppercase + string.ascii_lowercase
IMPLIED_ROUNDS = 5_000  # said nothing of in the hash
FEWEST, MOST = 1_000, 5_000_000  # the specification allows more, which takes minutes
SALT_LENGTH = 16
# identifier, hash, rounds that Ansible asks for, and how many bits the bytes' order rotates by
SCHEMES = {"sha256_crypt": ("5", hashlib.sha256, 535_000), "sha512_crypt": ("6", hashlib.sha512, 656_000)}
NAMES = {"sha256": "sha256_crypt", "sha512": "sha512_crypt"}
REFUSED = {"md5", "md5_crypt", "blowfish", "bcrypt"}


def password_hash(
    password: Any,
    hashtype: str = "sha512",
    salt: str | None = None,
    salt_size: int | None = None,
    rounds: int | None = None,
    ident: str | None = None,  # noqa: ARG001  # of bcrypt, which is refused; Ansible ignores it elsewhere
) -> str:
    """Return the hash of a password; without `salt` another one each time, which a task sees as a change."""
    if isinstance(password, dict | list) or password is None:
        raise TemplateValueError(f"a password is needed, not a value of type {type(password).__name__}")
    scheme = scheme_of(hashtype)
    size = SALT_LENGTH if salt_size is None else salt_size
    chosen = random_salt(size) if salt is None else str(salt)
    return hashed(str(password), scheme, chosen, SCHEMES[scheme][2] if rounds is None else int(rounds))


def scheme_of(name: str) -> str:
    """Return the full name of a scheme; raises TemplateValueError for those that are not made here."""
    scheme = NAMES.get(name, name)
    if scheme in SCHEMES:
        return scheme
    what = "is not supported" if name in REFUSED else "is not known"
    raise TemplateValueError(f'the password hash "{name}" {what}', hint="sha512 or sha256")


def random_salt(size: int = SALT_LENGTH) -> str:
    """Return a salt of `size` characters."""
    source = random.SystemRandom()
    return "".join(source.choice(ALPHABET) for _ in range(size))


@lru_cache(maxsize=256)  # a hash takes most of a second, and is the same for all nodes
def hashed(password: str, scheme: str, salt: str, rounds: int) -> str:
    """Return the hash as it stands in /etc/shadow.

    Args:
        password: of any length.
        scheme: sha256_crypt or sha512_crypt.
        salt: up to 16 letters, digits, dots and slashes.
        rounds: 1,000 to 5,000,000.

    Raises:
        TemplateValueError: salt or rounds are not such.
    """
    if not re.fullmatch(r"[A-Za-z0-9./]{1,16}", salt):
        raise TemplateValueError("a salt has 1 to 16 letters, digits, dots and slashes")
    if not FEWEST <= rounds <= MOST:
        raise TemplateValueError(f"rounds must be {FEWEST:,} to {MOST:,}")
    identifier, make, _ = SCHEMES[scheme]
    digest = _digest(password.encode("utf-8", "surrogateescape"), salt.encode("ascii"), rounds, make)
    shown = "" if rounds == IMPLIED_ROUNDS else f"rounds={rounds}$"
    return f"${identifier}${shown}{salt}${_written(digest)}"


def _digest(password: bytes, salt: bytes, rounds: int, make: Any) -> bytes:
    alternate = make(password + salt + password).digest()
    text = password + salt + _repeated(alternate, len(password))
    bits = len(password)
    while bits:
        text += alternate if bits & 1 else password
        bits >>= 1
    digest: bytes = make(text).digest()
    word = _repeated(make(password * len(password)).digest(), len(password))
    salted = _repeated(make(salt * (16 + digest[0])).digest(), len(salt))
    # which parts a round mixes repeats every 42 rounds
    around = []
    for number in range(42):
        inside = (salted if number % 3 else b"") + (word if number % 7 else b"")
        around.append((word + inside, b"") if number & 1 else (b"", inside + word))
    for number in range(rounds):
        before, behind = around[number % 42]
        digest = make(before + digest + behind).digest()
    return digest


def _repeated(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _written(digest: bytes) -> str:
    """Write a digest with 6 bits a character, three bytes at a time, in the specification's order."""
    third = len(digest) // 3
    shift = 1 if len(digest) == 64 else 2  # the three indices change places from group to group
    written = []
    for group in range(third):
        indices = [group, group + third, group + 2 * third]
        turn = group * shift % 3
        written.append(_characters([digest[index] for index in indices[turn:] + indices[:turn]], 4))
    rest = digest[3 * third :]
    written.append(_characters(list(rest[::-1]), 2 if len(rest) == 1 else 3))
    return "".join(written)


def _characters(group: list[int], count: int) -> str:
    number = int.from_bytes(bytes(group), "big")
    return "".join(ALPHABET[number >> 6 * place & 63] for place in range(count))
