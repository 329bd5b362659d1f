"""The twin of a board's FPGA: bitstreams in, pulse counts out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from hivectl.bitstream.reading import read_bitstream
from hivectl.virtual.fpga.cache import NetlistCache, key_of
from hivectl.virtual.fpga.circuit import Circuit
from hivectl.virtual.fpga.errors import WrongDeviceError
from hivectl.virtual.fpga.target import PICO2_ICE

if TYPE_CHECKING:
    from hivectl.bitstream.reading import Bitstream
    from hivectl.virtual.fpga.netlist import Netlist
    from hivectl.virtual.fpga.target import Target

# circuits that are kept ready to count
KEPT = 256


class Twin:
    """The FPGA of any number of boards of one kind.

    Args:
        target: the kind.
        cache: where netlists are kept.
        wasm: whether WebAssembly may be used.
    """

    def __init__(
        self, target: Target = PICO2_ICE, *, cache: NetlistCache | None = None, wasm: bool = True
    ) -> None:
        self.target = target
        self._cache = cache or NetlistCache()
        self._wasm = wasm
        self._kept: OrderedDict[str, Circuit] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, data: bytes, name: str = "bitstream") -> Circuit:
        """Return the circuit of a `.bin` or `.asc` file.

        Args:
            data: the whole file.
            name: of the file, for complaints.

        Raises:
            ImageError: of `hivectl.bitstream`: it is no bitstream, or a damaged one.
            CircuitError: it cannot be simulated exactly; the leaf says why.
            IceboxMissingError: it is new, and icestorm is not installed.
        """
        return self.circuit(read_bitstream(data, name))

    def circuit(self, bitstream: Bitstream) -> Circuit:
        """Return the circuit of a bitstream; otherwise as `load`."""
        key = key_of(bitstream.sha256, self.target)
        with self._lock:
            known = self._kept.get(key)
            if known is None:
                known = Circuit(self._netlist(key, bitstream), self.target, wasm=self._wasm)
                self._kept[key] = known
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
        return known

    def _netlist(self, key: str, bitstream: Bitstream) -> Netlist:
        if bitstream.device.short != self.target.device:
            raise WrongDeviceError(
                f"{bitstream.name} is for an iCE40 {bitstream.device.name}, and the board {self.target.name} has "
                f"another: {self.target.device}"
            )
        netlist = self._cache.find(key)
        if netlist is None:
            netlist = extract_netlist(bitstream, self.target)
            self._cache.keep(key, netlist)
        return netlist


def extract_netlist(bitstream: Bitstream, target: Target) -> Netlist:
    """Return what makes the level of a bitstream's pin; raises as `Twin.load`."""
    from hivectl.virtual.fpga.chip import chip_of
    from hivectl.virtual.fpga.extract import Extraction
    from hivectl.virtual.fpga.fold import Folding
    from hivectl.virtual.fpga.image import Tiles

    cells = Extraction(chip_of(target.device), Tiles(bitstream.image), target).run()
    return Folding(cells).run(target.device)
