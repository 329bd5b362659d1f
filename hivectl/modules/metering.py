"""A play's node as a board that measures: opened, reset and flashed by what a task may do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.bitstream.measuring import (
    BoardAbsentError,
    BoardInUseError,
    BoardLostError,
    BoardMissingError,
    BoardSilentError,
    MeasuringError,
)
from hivectl.bitstream.opening import open_meter
from hivectl.drivers.errors import AddressError, FenceError, NodeError, NotStartedError, PortInUseError
from hivectl.model.errors import HivectlError
from hivectl.model.records import record
from hivectl.power.base import NoPowerError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from hivectl.bitstream.measuring import ByteStream, Meter
    from hivectl.drivers.base import Stream
    from hivectl.modules.base import NodeContext, Result

# seconds for a board that was unplugged, or started itself anew, to be on its line again
RETURN_SECONDS = 30.0
PAUSE = 0.25
OFF_SECONDS = 2.0


@record(kw_only=True)
class NodeSource:
    """Implements `hivectl.bitstream.measuring.MeterSource` for one node of the play.

    Attributes:
        context: of the task on this node.
        device: of its FPGA, as its profile says; empty when that says nothing.
        measure: "pulses" or "variance".
        protocol: which firmware is spoken with.
        firmware: what it is flashed with when nothing else helps; None: it is not.
    """

    context: NodeContext
    device: str
    measure: str
    protocol: str
    firmware: str | None = None

    @property
    def node(self) -> str:
        """The node's name."""
        return self.context.node

    async def open(self) -> Meter:
        """Open a conversation with the board's firmware."""
        return await open_meter(self._line, node=self.node, measure=self.measure, protocol=self.protocol)

    async def reset(self) -> None:
        """Wait for a board that is gone; start one that is there but does not answer anew."""
        try:
            await self._wait()
        except BoardLostError:
            await self._power()
            return
        try:
            await (await self.open()).close()
        except BoardInUseError:
            raise
        except (BoardSilentError, BoardLostError):
            await self._start_anew()

    async def flash(self) -> None:
        """Put the firmware on it that the task names."""
        if self.firmware is None:
            raise MeasuringError("the task names no `firmware` to put on it")
        path = self.context.find_file(self.firmware)
        if path.is_dir():
            from hivectl.modules import sync

            folder = sync.Parameters(src=f"{path}/", dest="/", delete=False, exclude=[], mode=None)
            await self._by_module(sync.procedure(folder, self.context))
            await self._start_anew()
        else:
            from hivectl.modules import flash

            image = flash.Parameters(image=str(path), force=True)
            await self._by_module(flash.procedure(image, self.context))
        await self._wait()

    async def _line(self) -> ByteStream:
        """Open the serial line; its errors are those of measuring then, but for a lost reservation."""
        try:
            return await self.context.line()
        except FenceError:
            raise
        except PortInUseError as error:
            raise BoardInUseError(f"{self.node}: {error.message}", hint=error.hint) from error
        except NotStartedError as error:
            raise BoardMissingError(f"{self.node}: {error.message}", hint=error.hint) from error
        except AddressError as error:
            raise BoardAbsentError(f"{self.node}: {error.message}", hint=error.hint) from error
        except NodeError as error:
            raise BoardLostError(f"{self.node}: {error.message}", hint=error.hint) from error

    async def _wait(self) -> None:
        """Wait until the line can be opened; raises BoardLostError when it cannot."""
        end = asyncio.get_running_loop().time() + RETURN_SECONDS
        while True:
            try:
                line: Stream | ByteStream = await self._line()
            except BoardInUseError:
                raise
            except BoardLostError:
                if asyncio.get_running_loop().time() >= end:
                    raise
                await asyncio.sleep(PAUSE)
            else:
                await line.close()
                return

    async def _power(self) -> None:
        """Switch its power off and on, where the inventory says how, and wait."""
        try:
            await self.context.power().cycle(OFF_SECONDS)
        except NoPowerError as error:
            raise BoardLostError(f"{self.node}: it did not come back") from error
        except FenceError:
            raise
        except NodeError as error:
            raise MeasuringError(str(error)) from error
        await self._wait()

    async def _start_anew(self) -> None:
        from hivectl.modules import reset

        await self._by_module(reset.procedure(reset.Parameters(), self.context))
        # the REPL that was needed for it is given back
        await self.context.disconnect()
        await self._wait()

    async def _by_module(self, work: Awaitable[Result]) -> None:
        """Do what a module does; its failures are those of measuring then, but for a lost reservation."""
        try:
            result = await work
        except FenceError:
            raise
        except HivectlError as error:
            raise MeasuringError(str(error)) from error
        if result.get("failed"):
            raise MeasuringError(f"{self.node}: {result.get('msg', 'it failed')}")
