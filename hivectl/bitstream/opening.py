"""From a serial line to a meter: which firmware is there, and who speaks with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.bitstream.framed import FramedMeter, IcefarmFirmwareError
from hivectl.bitstream.icefarm import IcefarmMeter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from hivectl.bitstream.measuring import ByteStream, Meter

PROTOCOLS = ("auto", "hivectl", "icefarm")


async def open_meter(
    open_line: Callable[[], Awaitable[ByteStream]],
    *,
    node: str,
    measure: str,
    protocol: str = "auto",
) -> Meter:
    """Open a conversation with whatever measuring firmware is on a board.

    Args:
        open_line: opens the board's serial line.
        node: for messages.
        measure: "pulses" or "variance": iCEFARM's firmware does one of them, and does not say which.
        protocol: "hivectl", "icefarm", or "auto": the first of them that answers.

    Raises:
        BoardSilentError, BoardLostError: there is none to be had.
    """
    if protocol == "icefarm":
        return await IcefarmMeter.open(await open_line(), node=node, measures=measure)
    try:
        return await FramedMeter.open(await open_line(), node=node)
    except IcefarmFirmwareError:
        if protocol != "auto":
            raise
        return await IcefarmMeter.open(await open_line(), node=node, measures=measure)
