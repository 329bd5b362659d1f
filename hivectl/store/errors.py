"""What can be wrong with the lab's store."""

from __future__ import annotations

from hivectl.model.errors import ExitCode, HivectlError


class StoreError(HivectlError):
    """The lab's database cannot be used."""

    exit_code = ExitCode.BAD_INPUT


class StoreCorruptedError(StoreError):
    """The file is no database, or a damaged one."""


class StoreUnwritableError(StoreError):
    """The folder or the file cannot be written."""


class StoreVersionError(StoreError):
    """A newer hivectl has migrated the database."""


class StoreLockedError(StoreError):
    """Another process keeps the database locked for too long."""

    exit_code = ExitCode.NOT_RESERVED


class StoreUnreachableError(StoreError):
    """The server of the database cannot be reached."""
