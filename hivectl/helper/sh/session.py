"""The session of a helper that is a sh program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.helper.conversation import LONGEST_DATA, LONGEST_HEADER, HelperSession
from hivectl.helper.sh.wire import NonsenseError, take
from hivectl.model.node_errors import ConnectionLostError

if TYPE_CHECKING:
    from hivectl.helper.encode import Frame
    from hivectl.helper.operations import Batch
    from hivectl.helper.sh.dialect import Dialect
    from hivectl.helper.start import Started


class ShSession(HelperSession):
    """As `HelperSession`, with a program that speaks another dialect."""

    def __init__(self, node: str, started: Started, dialect: Dialect) -> None:
        super().__init__(node, started)
        self._dialect = dialect

    async def _teach(self, batch: Batch) -> None:
        """Say which batch comes next; the program has everything that it needs."""
        self._dialect.batch(batch)

    async def _send(self, frame: Frame) -> None:
        await self._write(self._dialect.outgoing(frame))

    async def _write(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionLostError("the helper has ended", node=self.node)
        try:
            await self._channel.write(data)
        except ConnectionLostError:
            await self._lost()

    def _at_hand(self) -> tuple[dict[str, Any], bytes] | None:
        """Return None: some frames are answered before they are taken."""
        return None

    async def _taken(self) -> tuple[dict[str, Any], bytes] | None:
        """Take a frame that has come as a whole, and answer those that ask; None when there is none."""
        while True:
            await self._go_on()
            try:
                said = take(self._buffer, LONGEST_DATA)
                header, data = (None, b"") if said is None else self._dialect.incoming(said)
            except NonsenseError as error:
                await self._nonsense(str(error)[:200])
            if header is not None:
                return header, data
            if said is None:
                if len(self._buffer) > LONGEST_DATA + LONGEST_HEADER:
                    await self._nonsense(f"a frame of more than {LONGEST_DATA} bytes")
                return None
            if data:
                await self._write(data)

    async def _go_on(self) -> None:
        """Send what an operation that is carried out here asks of the node next."""
        errand = self._dialect.errand
        if errand is not None and errand.line.owes:
            await self._write(await errand.line.outgoing())

    async def close(self) -> None:
        """End the helper, and what is at work here for it."""
        self._dialect.leave()
        await super().close()

    async def _abandon(self) -> None:
        """Close the channel without a word more."""
        self._dialect.leave()
        await super()._abandon()
