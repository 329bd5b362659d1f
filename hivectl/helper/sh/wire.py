"""Frames as the sh program writes them: fields that end with NUL, then bytes.

    kind, index, (name, value)..., "", size

and `size` bytes of data. No field can hold a NUL, since no value of sh can.
"""

from __future__ import annotations

from hivectl.model.records import record


class NonsenseError(ValueError):
    """What came is no frame."""


@record
class Said:
    """One frame of the sh program.

    Attributes:
        kind: hello, result, data, need, ask, fenced, unusable, answer or done.
        index: the item's place in its batch.
        fields: by their names.
        data: the bytes behind it.
    """

    kind: str
    index: int
    fields: dict[str, str]
    data: bytes

    def flag(self, name: str) -> bool:
        """Whether a field is 1."""
        return self.fields.get(name) == "1"


def take(buffer: bytearray, largest: int) -> Said | None:
    """Take the first frame out of a buffer; None when it is not whole yet.

    Raises:
        NonsenseError: it is none, or has more than `largest` bytes behind it.
    """
    place = 0
    words: list[str] = []
    while True:
        end = buffer.find(b"\0", place)
        if end < 0:
            return None
        words.append(buffer[place:end].decode("utf-8", "surrogateescape"))
        place = end + 1
        if len(words) > 2 and len(words) % 2 == 0 and not words[-2]:
            break
        if len(words) > 200:
            raise NonsenseError("a frame without end")
    if not words[-1].isdigit() or not words[1].isdigit() or int(words[-1]) > largest:
        raise NonsenseError(repr(words[:4]))
    size = int(words[-1])
    if len(buffer) < place + size:
        return None
    data = bytes(buffer[place : place + size])
    del buffer[: place + size]
    fields = dict(zip(words[2:-2:2], words[3:-2:2], strict=True))
    return Said(words[0], int(words[1]), fields, data)
