"""Truth tables as numbers: the value for inputs i is bit sum(i[n] << n)."""

from __future__ import annotations

from functools import lru_cache

from hivectl.virtual.fpga.netlist import ONE, ZERO


def simplify(inputs: tuple[int, ...], bits: int) -> tuple[tuple[int, ...], int]:
    """Return a table without constant, double and idle inputs."""
    index = 0
    while index < len(inputs):
        one = inputs[index]
        low, high = halves(bits, len(inputs), index)
        if one == ZERO or low == high:
            bits = low
        elif one == ONE:
            bits = high
        elif one in inputs[:index]:
            bits = _merged(bits, len(inputs), inputs.index(one), index)
        else:
            index += 1
            continue
        inputs = inputs[:index] + inputs[index + 1 :]
        # an input before it may be idle now
        index = 0
    return inputs, bits


@lru_cache(maxsize=1 << 14)
def halves(bits: int, count: int, index: int) -> tuple[int, int]:
    """Return a table's two halves, for an input that is 0 and 1."""
    low = high = 0
    for value in range(1 << (count - 1)):
        spread = (value >> index << (index + 1)) | (value & ((1 << index) - 1))
        low |= (bits >> spread & 1) << value
        high |= (bits >> (spread | 1 << index) & 1) << value
    return low, high


def _merged(bits: int, count: int, kept: int, dropped: int) -> int:
    """Return the table of one that had an input twice."""
    found = 0
    for value in range(1 << (count - 1)):
        spread = (value >> dropped << (dropped + 1)) | (value & ((1 << dropped) - 1))
        spread |= (value >> kept & 1) << dropped
        found |= (bits >> spread & 1) << value
    return found
