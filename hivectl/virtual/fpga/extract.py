"""From a configured chip to the cells that make one pin's level.

Whatever is wrong becomes a `Fault` among the cells, since it is none where nothing depends on it: a look-up table may
ignore an input. `fold` tells what matters.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hivectl.bitstream.devices import LOGIC_WIDTH
from hivectl.virtual.fpga.errors import (
    AsynchronousResetError,
    HardBlockError,
    InputKindError,
    NotDrivenError,
    OutputKindError,
    PinError,
    PllError,
    SettingError,
    UnknownInputError,
    WrongDeviceError,
)
from hivectl.virtual.fpga.netlist import CLOCK, FIRST, ONE, ZERO
from hivectl.virtual.fpga.raw import Cell, Cells, Fault, Oscillator, RawFlipFlop, RawMemory, RawTable
from hivectl.virtual.fpga.wires import Wires, place

if TYPE_CHECKING:
    from hivectl.virtual.fpga.chip import Chip, Segment
    from hivectl.virtual.fpga.errors import CircuitError
    from hivectl.virtual.fpga.image import Tiles
    from hivectl.virtual.fpga.target import Target

# of a logic cell's 20 bits, the table's in the order of its inputs' value (icestorm: get_lutff_lut_bits)
TABLE_BITS = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
CARRY_BIT, FLIPFLOP_BIT, SET_BIT, ASYNCHRONOUS_BIT = 8, 9, 18, 19
# the majority of three
CARRY = 0b11101000
LUTFF = re.compile(r"lutff_(\d)/(out|lout|cout)")
PIN = re.compile(r"io_(\d)/D_IN_(\d)|padin_(\d)")
RDATA = re.compile(r"ram/RDATA_(\d+)")
# hertz of the chip's own oscillators, nominally (Lattice FPGA-TN-02008: 48 MHz +-10 %, 10 kHz)
HIGH_OSCILLATOR, LOW_OSCILLATOR = 48_000_000, 10_000
WORDS = 256
# outputs of a block RAM that have a meaning, by READ_MODE (Lattice FPGA-TN-02002)
READ_BITS: dict[int, tuple[int, ...]] = {
    0: tuple(range(16)),
    1: (0, 2, 4, 6, 8, 10, 12, 14),
    2: (1, 5, 9, 13),
    3: (3, 11),
}


class Extraction:
    """One walk from the pin backwards.

    Args:
        chip: the kind.
        tiles: its configuration.
        target: where clock and pin are.
    """

    def __init__(self, chip: Chip, tiles: Tiles, target: Target) -> None:
        self._chip = chip
        self._tiles = tiles
        self._target = target
        self._wires = Wires(chip, tiles)
        self._pins = chip.pins(target.package)
        self._found = Cells()
        self._references: dict[Segment, int] = {}
        self._todo: list[tuple[int, Segment]] = []

    def run(self) -> Cells:
        """Return the cells; raises CircuitError where the image or its pin are wrong."""
        if self._tiles.device != self._target.device:
            raise WrongDeviceError(
                f"the bitstream is for an iCE40 {self._tiles.device}, and {self._target.name} has an iCE40 "
                f"{self._target.device}"
            )
        self._found.output = self._output()
        while self._todo:
            reference, segment = self._todo.pop()
            self._found.cells[reference - FIRST] = self._cell(segment)
        return self._found

    def _value(self, segment: Segment, rest: int = ZERO) -> int:
        """Return the reference of what drives a cell's input, which is `rest` where nothing does."""
        source = self._wires.source(segment)
        if source.fault is not None:
            return self._new(Fault(source.fault), place(segment))
        return rest if source.segment is None else self._reference(source.segment)

    def _reference(self, segment: Segment) -> int:
        known = self._references.get(segment)
        if known is None:
            if (pin := PIN.fullmatch(segment[2])) is not None:
                known = self._input(segment, pin)
            else:
                known = self._new(Fault(HardBlockError("not looked at yet")), place(segment))
                self._todo.append((known, segment))
            self._references[segment] = known
        return known

    def _new(self, cell: Cell, name: str) -> int:
        self._found.cells.append(cell)
        self._found.names.append(name)
        return FIRST + len(self._found.cells) - 1

    def _cell(self, segment: Segment) -> Cell:
        """Return the cell that has this output."""
        x, y, name = segment
        if (found := LUTFF.fullmatch(name)) is not None and (x, y) in self._chip.config.logic_tiles:
            return self._logic(x, y, int(found[1]), found[2])
        if name == "carry_in_mux":
            return self._carry_start(x, y)
        if (found := RDATA.fullmatch(name)) is not None:
            return self._memory(x, y, int(found[1]))
        for kind, wire in (("HFOSC", "CLKHF_FABRIC"), ("LFOSC", "CLKLF_FABRIC")):
            if self._chip.cells.get(kind, {}).get(wire) == segment:
                return self._oscillator(kind)
        return Fault(
            HardBlockError(
                f"a hard block (multiplier, RAM of 256 kbit, I2C, SPI …) at {place(segment)} matters"
            )
        )

    def _logic(self, x: int, y: int, number: int, output: str) -> Cell:
        tile = self._tiles.bits(x, y) or 0
        # two rows of ten bits each
        first = 2 * number * LOGIC_WIDTH + 36
        bits = (tile >> first & 0x3FF) | (tile >> (first + LOGIC_WIDTH) & 0x3FF) << 10
        cell = f"lutff_{number}"
        if output == "cout":
            if not bits >> CARRY_BIT & 1:
                return Fault(SettingError(f"the carry of {place((x, y, cell))} matters, and is switched off"))
            before = (
                self._value((x, y, "carry_in_mux"))
                if number == 0
                else self._reference((x, y, f"lutff_{number - 1}/cout"))
            )
            return RawTable(
                (self._value((x, y, f"{cell}/in_1")), self._value((x, y, f"{cell}/in_2")), before), CARRY
            )
        if output == "out" and bits >> FLIPFLOP_BIT & 1:
            data = self._reference((x, y, f"{cell}/lout"))
            reset = self._value((x, y, "lutff_global/s_r"))
            if bits >> ASYNCHRONOUS_BIT & 1 and reset != ZERO:
                at = place((x, y, cell))
                reset = self._new(
                    Fault(AsynchronousResetError(f"the flip-flop {at} is set or cleared asynchronously")), at
                )
            return RawFlipFlop(
                data,
                self._value((x, y, "lutff_global/cen"), ONE),
                reset,
                bits >> SET_BIT & 1,
                self._wires.setting(x, y, "NegClk"),
                self._value((x, y, "lutff_global/clk")),
            )
        table = sum((bits >> bit & 1) << value for value, bit in enumerate(TABLE_BITS))
        return RawTable(tuple(self._input_of(x, y, number, index, table) for index in range(4)), table)

    def _input_of(self, x: int, y: int, number: int, index: int, table: int) -> int:
        """Return a table's input; nothing is followed where the table does not heed it."""
        low = sum(1 << value for value in range(16) if not value >> index & 1)
        if table & low == table >> (1 << index) & low:
            return ZERO
        return self._value((x, y, f"lutff_{number}/in_{index}"))

    def _carry_start(self, x: int, y: int) -> Cell:
        tile = self._tiles.bits(x, y) or 0
        (cascade,) = self._chip.kind(x, y).into["carry_in_mux"]
        constant = self._wires.setting(x, y, "CarryInSet")
        if tile & cascade.mask != cascade.value:
            return RawTable((), int(constant))
        if constant:
            return Fault(SettingError(f"the carry chain at ({x} {y}) begins with two settings at once"))
        return RawTable((self._value((x, y, "carry_in")),), 0b10)

    def _memory(self, x: int, y: int, bit: int) -> Cell:
        base = (x, y) if (x, y) in self._chip.memories else (x, y - 1)
        top = (base[0], base[1] + 1)
        known = self._chip.kind(*base).settings, self._chip.kind(*top).settings

        def setting(name: str) -> bool:
            return self._wires.setting(*(base if name in known[0] else top), name)

        def value(name: str, rest: int = ZERO) -> int:
            for spot in (base, top):
                if f"ram/{name}" in self._chip.kind(*spot).into:
                    return self._value((*spot, f"ram/{name}"), rest)
            return rest

        mode = setting("RamConfig CBIT_2") + 2 * setting("RamConfig CBIT_3")
        if setting("RamConfig PowerUp") != (self._tiles.device != "1k"):
            return Fault(SettingError(f"the block RAM at {base} is switched off"))
        if bit not in READ_BITS[mode]:
            return Fault(
                SettingError(f"output {bit} of the block RAM at {base} has no meaning in its mode {mode}")
            )
        content = self._tiles.memory(*base)
        if content is None:
            return Fault(SettingError(f"the bitstream sets no content for the block RAM at {base}"))
        # on the ultra chips the read port is in the lower tile, on the 1k in the upper one, and so with its clock's edge
        read = base if "ram/RCLK" in self._chip.kind(*base).into else top
        return RawMemory(
            base,
            bit,
            tuple(value(f"RADDR_{number}") for number in range(8 + mode)),
            (value("RE"), value("RCLKE", ONE)),
            self._wires.setting(*read, "NegClk"),
            value("RCLK"),
            (value("WE"), value("WCLKE", ONE), value("WCLK")),
            _words(content, mode),
        )

    def _input(self, segment: Segment, pin: re.Match[str]) -> int:
        """Return what a pin's cell gives to the fabric."""
        x, y, _ = segment
        spot = (x, y, int(pin[1] or pin[3] or 0))
        called = next((name for name, where in self._pins.items() if where == spot), None)
        for kind, network in (("HFOSC", 4), ("LFOSC", 5)):
            if pin[3] and kind in self._chip.cells and self._chip.config.padin_pio_db()[network] == spot:
                return self._new(self._oscillator(kind), kind)
        error: CircuitError
        if self._pll(spot):
            error = PllError("a phase-locked loop gives the clock")
        elif called is None:
            error = UnknownInputError(f"a cell without a pin, {place(segment)}, is read")
        elif pin[2] == "1" or (not pin[3] and self._pin_type(spot) & 0b11 != 0b01):
            error = InputKindError(f"pin {called} is read by a register or a latch")
        elif not self._listens(spot):
            error = InputKindError(f"pin {called} is read, and its input is switched off")
        elif called != self._target.clock_pin:
            error = UnknownInputError(f"the count depends on pin {called}, of which nobody knows the level")
        else:
            return CLOCK
        return self._new(Fault(error), place(segment))

    def _listens(self, spot: tuple[int, int, int]) -> bool:
        """Return whether a pin's input is on: its bit switches it off on the 1k, and on elsewhere."""
        for px, py, pz, x, y, number in self._chip.config.ieren_db():
            if (px, py, pz) == spot:
                return self._wires.setting(x, y, f"IoCtrl IE_{number}") != (self._tiles.device == "1k")
        return True

    def _pll(self, spot: tuple[int, int, int]) -> bool:
        """Return whether a pin's cell gives a phase-locked loop's output instead."""
        for name in self._chip.config.pll_list():
            pll = self._chip.icebox.pllinfo_db[name]
            if spot in (pll["PLLOUT_A"], pll["PLLOUT_B"]):
                bits = (pll[f"PLLTYPE_{number}"] for number in range(3))
                if any(self._wires.setting(x, y, f"PLL {bit}") for x, y, bit in bits):
                    return True
        return False

    def _oscillator(self, kind: str) -> Cell:
        wires = self._chip.cells[kind]
        letters = "CLKHF" if kind == "HFOSC" else "CLKLF"
        hertz = LOW_OSCILLATOR
        if kind == "HFOSC":
            bits = (
                self._wires.setting(x, y, f"IpConfig {name}")
                for x, y, name in (wires["CLKHF_DIV_0"], wires["CLKHF_DIV_1"])
            )
            hertz = HIGH_OSCILLATOR >> sum(bit << index for index, bit in enumerate(bits))
        return Oscillator(hertz, self._value(wires[f"{letters}PU"]), self._value(wires[f"{letters}EN"]))

    def _pin_type(self, spot: tuple[int, int, int]) -> int:
        x, y, number = spot
        return sum(self._wires.setting(x, y, f"IOB_{number} PINTYPE_{bit}") << bit for bit in range(6))

    def _output(self) -> int:
        """Return the reference of the level on the counted pin."""
        spot = self._pins.get(self._target.output_pin)
        if spot is None:
            raise PinError(f"the package {self._target.package} has no pin {self._target.output_pin}")
        x, y, number = spot
        kind = self._pin_type(spot) >> 2
        pin = self._target.output_pin
        if kind == 0:
            driven = sorted(
                (name for name, where in self._pins.items() if self._pin_type(where) >> 2),
                key=lambda name: (len(name), name),
            )
            others = f"it drives {', '.join(driven)}" if driven else "it drives none"
            raise NotDrivenError(f"the circuit does not drive pin {pin}, where pulses are counted; {others}")
        if kind == 0b0110:
            return self._value((x, y, f"io_{number}/D_OUT_0"))
        if kind == 0b0101:
            data = self._value((x, y, f"io_{number}/D_OUT_0"))
            register = RawFlipFlop(
                data,
                self._value((x, y, "io_global/cen"), ONE),
                ZERO,
                0,
                self._wires.setting(x, y, "NegClk"),
                self._value((x, y, "io_global/outclk")),
            )
            return self._new(register, f"pin {pin}")
        told = "with double data rate" if kind & 0b11 == 0 else "with an output that is switched on and off"
        raise OutputKindError(f"pin {pin} is driven {told} (kind {kind:04b}), which the twin does not know")


def _words(content: tuple[int, ...], mode: int) -> tuple[int, ...]:
    """Return what each address reads: in narrow modes its bits above the eighth choose a place within a word."""
    if mode == 0:
        return content
    narrow = []
    for address in range(WORDS << mode):
        word, shift = content[address % WORDS], address // WORDS
        narrow.append(sum((word >> (bit & -(1 << mode)) + shift & 1) << bit for bit in READ_BITS[mode]))
    return tuple(narrow)
