"""A small part of WebAssembly's binary format: modules of one memory and one function.

The format is that of the WebAssembly Core Specification 1.0, section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAGIC = b"\0asm\x01\0\0\0"
TYPES, FUNCTIONS, MEMORIES, EXPORTS, CODES, DATA = 1, 3, 5, 7, 10, 11
I32, I64, EMPTY = 0x7F, 0x7E, 0x40
PAGE = 65536

BLOCK, LOOP, IF = bytes([0x02, EMPTY]), bytes([0x03, EMPTY]), bytes([0x04, EMPTY])
END, SELECT = b"\x0b", b"\x1b"
I32_AND, I32_OR, I32_XOR, I32_SHL, I32_SHR, I32_ADD = b"\x71", b"\x72", b"\x73", b"\x74", b"\x76", b"\x6a"
I64_EQ, I64_GE, I64_ADD, I64_EXTEND = b"\x51", b"\x5a", b"\x7c", b"\xad"


def unsigned(value: int) -> bytes:
    """Return a number in LEB128."""
    found = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        if not value:
            return bytes([*found, low])
        found.append(low | 0x80)


def signed(value: int) -> bytes:
    """Return a number in signed LEB128."""
    found = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        if (value == 0 and not low & 0x40) or (value == -1 and low & 0x40):
            return bytes([*found, low])
        found.append(low | 0x80)


def get(local: int) -> bytes:
    """Return the instruction that pushes a local."""
    return b"\x20" + unsigned(local)


def put(local: int) -> bytes:
    """Return the instruction that pops into a local."""
    return b"\x21" + unsigned(local)


def const32(value: int) -> bytes:
    """Return the instruction that pushes 32 bits."""
    return b"\x41" + signed(value)


def const64(value: int) -> bytes:
    """Return the instruction that pushes 64 bits."""
    return b"\x42" + signed(value)


def leave(depth: int) -> bytes:
    """Return the jump out of a block, or to the begin of a loop, counted from within."""
    return b"\x0c" + unsigned(depth)


def leave_if(depth: int) -> bytes:
    """Return the jump that is made where the value on top is not 0."""
    return b"\x0d" + unsigned(depth)


def load16(offset: int) -> bytes:
    """Return the instruction that pushes 16 bits of memory, at the address on top plus `offset`."""
    return b"\x2f\x01" + unsigned(offset)


def load(kind: int, offset: int) -> bytes:
    """Return the instructions that push a value at a fixed place of memory."""
    return const32(0) + (b"\x28\x02" if kind == I32 else b"\x29\x03") + unsigned(offset)


def store(kind: int, offset: int, value: bytes) -> bytes:
    """Return the instructions that put a value at a fixed place of memory."""
    return const32(0) + value + (b"\x36\x02" if kind == I32 else b"\x37\x03") + unsigned(offset)


def module(
    locals_: Sequence[tuple[int, int]], code: bytes, size: int, data: Iterable[tuple[int, bytes]]
) -> bytes:
    """Return a module that exports `memory`, and `run`: a function of one i64 that returns one.

    Args:
        locals_: counts and types of locals, after the parameter.
        code: of the function, without its end.
        size: of memory, in bytes.
        data: what is in memory at the start, by offset.
    """
    declared = _vector([unsigned(count) + bytes([kind]) for count, kind in locals_])
    body = declared + code + END
    exports = [
        _vector_of(b"memory") + b"\x02\x00",
        _vector_of(b"run") + b"\x00\x00",
    ]
    pieces = [b"\x00" + const32(offset) + END + _vector_of(content) for offset, content in data]
    return MAGIC + b"".join(
        (
            _section(TYPES, _vector([bytes([0x60, 1, I64, 1, I64])])),
            _section(FUNCTIONS, _vector([unsigned(0)])),
            _section(MEMORIES, _vector([b"\x00" + unsigned(-(-size // PAGE))])),
            _section(EXPORTS, _vector(exports)),
            _section(CODES, _vector([unsigned(len(body)) + body])),
            _section(DATA, _vector(pieces)),
        )
    )


def _section(number: int, content: bytes) -> bytes:
    return bytes([number]) + unsigned(len(content)) + content


def _vector(items: Sequence[bytes]) -> bytes:
    return unsigned(len(items)) + b"".join(items)


def _vector_of(content: bytes) -> bytes:
    return unsigned(len(content)) + content
