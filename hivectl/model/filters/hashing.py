"""Filters that make digests and identifiers."""

from __future__ import annotations

import hashlib
import uuid
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hivectl.model.filters.crypt import password_hash
from hivectl.model.templating.errors import TemplateValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# the name space that Ansible's to_uuid uses, so that both give the same identifiers
NAMESPACE = uuid.UUID("361e6d51-faec-444a-9079-341386da8e2e")


def digest(value: Any, algorithm: str = "sha1") -> str:
    """Return the hexadecimal digest of a text."""
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    if algorithm not in hashlib.algorithms_available or algorithm.startswith("shake"):
        raise TemplateValueError(f'there is no hash "{algorithm}"', hint="sha256, sha512, sha1, md5 …")
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def sha1(value: Any) -> str:
    """Return the SHA-1 digest of a text."""
    return digest(value, "sha1")


def md5(value: Any) -> str:
    """Return the MD5 digest of a text."""
    return digest(value, "md5")


def to_uuid(value: Any, namespace: str | None = None) -> str:
    """Return the name-based identifier (RFC 9562, version 5) of a text."""
    return str(uuid.uuid5(NAMESPACE if namespace is None else uuid.UUID(namespace), str(value)))


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "hash": digest,
        "checksum": sha1,
        "sha1": sha1,
        "md5": md5,
        "to_uuid": to_uuid,
        "password_hash": password_hash,
    }
)
