"""What can be wrong with an image: one class for each cause, each saying where."""

from __future__ import annotations

from hivectl.model.errors import InputError


class ImageError(InputError):
    """The root of what makes a file no image that a board may get.

    Attributes:
        name: of the file, as it was named.
        offset: the byte in the file where it was found, from 0; None when no single byte is to blame.
    """

    def __init__(
        self, message: str, *, name: str, offset: int | None = None, hint: str | None = None
    ) -> None:
        where = "" if offset is None else f" at byte {offset} (0x{offset:x})"
        super().__init__(f"{name}: {message}{where}", hint=hint)
        self.name = name
        self.offset = offset


class EmptyImageError(ImageError):
    """The file holds nothing."""


class TooLargeError(ImageError):
    """The file is larger than any image of its kind."""


class NotAnImageError(ImageError):
    """The file is something else: text, a program, an archive, a folder."""


class TruncatedError(ImageError):
    """The file ends in the middle."""


class CommandError(ImageError):
    """The configuration stream holds a command that no iCE40 knows, or one that does not belong there."""


class ChecksumError(ImageError):
    """What was written and what is there differ."""


class BankError(ImageError):
    """A configuration or block RAM bank is missing, incomplete, or written twice."""


class UnknownDeviceError(ImageError):
    """The image is for no device that is known."""


class WrongDeviceError(ImageError):
    """The image is for another device than the board has."""


class RowError(ImageError):
    """A line of an `.asc` file is not what its place asks for."""

    def __init__(self, message: str, *, name: str, line: int, column: int, hint: str | None = None) -> None:
        super().__init__(message, name=f"{name}:{line}:{column}", hint=hint)
        self.line = line
        self.column = column


class BlockError(ImageError):
    """A block of a UF2 file is damaged, missing, or there twice."""


class AddressError(ImageError):
    """A part of the image lies where the chip has no memory for it."""
