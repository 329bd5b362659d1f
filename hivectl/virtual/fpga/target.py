"""On which chip a bitstream runs, where its clock comes in, and where its pulses are counted."""

from __future__ import annotations

from hivectl.model.records import record


@record
class Target:
    """What the twin stands for.

    Attributes:
        name: the board's.
        device: as icestorm calls the chip: 5k, 1k.
        package: as icestorm calls it: sg48, tq144.
        clock_pin: of the package, where the board's clock comes in.
        output_pin: of the package, where pulses are counted.
        clock_hertz: of the board's clock.
    """

    name: str
    device: str
    package: str
    clock_pin: str
    output_pin: str
    clock_hertz: int = 48_000_000


# the board gives its FPGA 48 MHz on pin 35; the RP2350 counts on its GPIO 20, which is pin 27
PICO2_ICE = Target("pico2-ice", "5k", "sg48", "35", "27")
# Lattice's iCEstick, with 12 MHz on pin 21; pin 44 is on its J3 header
ICESTICK = Target("icestick", "1k", "tq144", "21", "44", 12_000_000)
TARGETS = {target.name: target for target in (PICO2_ICE, ICESTICK)}
