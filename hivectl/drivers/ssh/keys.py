"""Private keys: parsed once for the process, and the agent's, asked only when the others are refused."""

from __future__ import annotations

import copy
import os
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hivectl.drivers.errors import LoginError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import asyncssh

    from hivectl.drivers.ssh.settings import Settings


@record(frozen=False)
class Offered:
    """The keys that one login offers, and what was tried, for the message when all are refused."""

    settings: Settings
    node: str
    tried: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def from_files(self) -> list[asyncssh.SSHKeyPair]:
        """Return new key pairs of the identity files; the parsed keys behind them are shared.

        Raises:
            LoginError: a key that the inventory names is missing or cannot be read.
        """
        import asyncssh

        pairs: list[asyncssh.SSHKeyPair] = []
        for path in self.settings.identity_files:
            key = self._key(path)
            if key is None:
                continue
            self.tried.append(f"{path} ({_fingerprint(key)})")
            for certificate in self._certificates(path, key):
                pairs.extend(asyncssh.load_keypairs([(key, certificate)]))
            # a pair remembers which signature its server takes, so it is not shared
            pairs.extend(map(copy.copy, _pairs(key)))
        return pairs

    def from_agent(self, held: Sequence[asyncssh.SSHKeyPair]) -> list[asyncssh.SSHKeyPair]:
        """Return copies of the agent's keys, only those of the identity files if `identities_only`."""
        wanted = set(self._public_halves()) if self.settings.identities_only else None
        chosen = [pair for pair in held if wanted is None or pair.public_data in wanted]
        self.tried.extend(f"agent's {pair.get_comment() or pair.get_algorithm()}" for pair in chosen)
        return [copy.copy(pair) for pair in chosen]

    def _key(self, path: Path) -> asyncssh.SSHKey | None:
        import asyncssh

        passphrase = self.settings.passphrase.reveal() if self.settings.passphrase is not None else None
        try:
            status = path.stat()
            return _read_key(path, passphrase, status.st_mtime_ns)
        except FileNotFoundError as error:
            # the private half may live in the agent alone
            if self.settings.identities_required and not _public_file(path).exists():
                raise LoginError(f"identity_file {path} does not exist", node=self.node) from error
        except OSError as error:
            self._unusable(path, error.strerror or str(error), error)
        except asyncssh.KeyEncryptionError as error:
            # asyncssh's extra: only OpenSSH's own encryption of keys needs it
            missing = "bcrypt" in str(error)
            why = (
                "the package bcrypt is missing (pip install bcrypt; or ssh-add it)"
                if missing
                else "wrong passphrase"
            )
            self._unusable(path, why, error)
        except asyncssh.KeyImportError as error:
            if "passphrase" in str(error).lower():
                self._encrypted(path, error)
            else:
                also = " or its passphrase is another" if passphrase else ""
                self._unusable(path, f"it is no private key{also}", error)
        return None

    def _encrypted(self, path: Path, error: Exception) -> None:
        self.skipped.append(f"{path} needs a passphrase")
        if self.settings.identities_required and self.settings.agent is None:
            raise LoginError(
                f"identity_file {path} needs a passphrase",
                node=self.node,
                hint="start an agent and `ssh-add` it, or give identity_passphrase: !env NAME",
            ) from error

    def _unusable(self, path: Path, why: str, error: Exception) -> None:
        if self.settings.identities_required:
            raise LoginError(f"identity_file {path} cannot be used: {why}", node=self.node) from error
        self.skipped.append(f"{path}: {why}")

    def _certificates(self, path: Path, key: asyncssh.SSHKey) -> Iterator[asyncssh.SSHCertificate]:
        import asyncssh

        files: list[Path | str] = [*self.settings.certificate_files, f"{path}-cert.pub"]
        for file in files:
            if os.path.exists(file):  # noqa: PTH110  # at each login: a Path takes twice as long
                certificate = asyncssh.read_certificate(file)
                if certificate.key == key.convert_to_public():
                    yield certificate

    def _public_halves(self) -> Iterator[bytes]:
        import asyncssh

        for path in self.settings.identity_files:
            file = path if path.suffix == ".pub" else _public_file(path)
            if file.exists():
                yield asyncssh.read_public_key(file).public_data


def _public_file(path: Path) -> Path:
    return Path(f"{path}.pub")


@lru_cache(maxsize=64)
def _read_key(path: Path, passphrase: str | None, _changed: int) -> asyncssh.SSHKey:
    import asyncssh

    return asyncssh.import_private_key(path.read_bytes(), passphrase)


@lru_cache(maxsize=64)
def _fingerprint(key: asyncssh.SSHKey) -> str:
    return key.get_fingerprint()


@lru_cache(maxsize=64)
def _pairs(key: asyncssh.SSHKey) -> tuple[asyncssh.SSHKeyPair, ...]:
    import asyncssh

    return tuple(asyncssh.load_keypairs([key]))
