"""The pico2-ice board: which pin is which, and the clock. RP2350B and iCE40UP5K by tinyVision.ai.

Pins are those of the board's schematic, registers those of the RP2350's datasheet.
"""

import time

import machine
import rp2

# ruff: noqa: F821 - the names of PIO instructions are there while `asm_pio` runs a function

SCK, SELECT, DATA = 6, 5, 4  # ICE_SCK, ICE_SSN, ICE_SI
CRESET, CDONE = 31, 40
CLOCK = 21  # GPOUT0, the FPGA's pin 35
PULSES = 20  # the FPGA's pin 27
GATE = 9  # the blue LED (low lights it): it goes dark while a window is open
ADC = 27
CLOCK_HZ = 48000000
# milliseconds; the longest that an RP2 has is 8388
WATCHDOG_MS = 8000

# RP2350 datasheet: 8.1 (CLK_GPOUT0), 9.11 (IO_BANK0)
CLK_GPOUT0_CTRL, CLK_GPOUT0_DIV = 0x40010000, 0x40010004
CLK_USB, ENABLE = 9 << 5, 1 << 11
IO_BANK0, FUNCTION_CLOCK = 0x40028000, 9


@rp2.asm_pio(
    out_init=rp2.PIO.OUT_LOW,
    sideset_init=rp2.PIO.OUT_LOW,
    out_shiftdir=rp2.PIO.SHIFT_LEFT,
    autopull=True,
    pull_thresh=8,
)
def shift():
    """Send bytes, most significant bit first; the clock rises in the middle of each bit."""
    out(pins, 1).side(0)
    nop().side(1)


class Spi:
    """The configuration lines, by PIO: no SPI peripheral of the RP2350 sends on ICE_SI."""

    def __init__(self):
        self._machine = None

    def take(self):
        """Make the lines ours: 24 Mbit/s."""
        self._machine = rp2.StateMachine(
            4, shift, freq=48000000, out_base=machine.Pin(DATA), sideset_base=machine.Pin(SCK)
        )
        self._machine.active(1)

    def write(self, data):
        """Send all of `data`."""
        # a word's upper eight bits go out
        self._machine.put(data, 24)
        while self._machine.tx_fifo():
            pass
        # eight bits of two cycles each are in the shift register still
        time.sleep_us(1)

    def release(self):
        """Let go of the lines: they belong to the circuit now."""
        self._machine.active(0)
        for pin in (DATA, SCK):
            machine.Pin(pin, machine.Pin.IN)


def start_clock():
    """Give the FPGA the USB's 48 MHz, and the processor three times as much: they never drift apart."""
    machine.freq(3 * CLOCK_HZ)
    machine.Pin(CLOCK, machine.Pin.OUT)
    machine.mem32[CLK_GPOUT0_DIV] = 1 << 16
    machine.mem32[CLK_GPOUT0_CTRL] = CLK_USB | ENABLE
    machine.mem32[IO_BANK0 + 8 * CLOCK + 4] = FUNCTION_CLOCK


class Parts:
    """All that a service needs of this board."""

    board = "pico2-ice"
    clock_hz = CLOCK_HZ

    def __init__(self):
        from icelab.counter import Counter
        from icelab.cram import Fpga
        from icelab.sampler import Sampler

        start_clock()
        self.identity = machine.unique_id().hex()
        self.fpga = Fpga(
            machine.Pin(CRESET, machine.Pin.OUT, value=0),
            machine.Pin(SELECT, machine.Pin.OUT, value=1),
            machine.Pin(CDONE, machine.Pin.IN),
            Spi(),
        )
        self.counter = Counter(
            machine.Pin(PULSES, machine.Pin.IN), machine.Pin(GATE, machine.Pin.OUT), CLOCK_HZ
        )
        self.sampler = Sampler(machine.ADC(machine.Pin(ADC)))
        self._watchdog = machine.WDT(timeout=WATCHDOG_MS)
        self.ticks = time.ticks_ms

    def feed(self):
        """Tell the watchdog that all is well."""
        self._watchdog.feed()

    def pause(self, milliseconds):
        """Wait, while the watchdog is content."""
        while milliseconds > 0:
            time.sleep_ms(min(milliseconds, 1000))
            milliseconds -= 1000
            self.feed()

    def leave(self):
        """Let the REPL live: a watchdog that has begun cannot be ended, so a timer feeds it from here on."""
        self.counter.stop()
        machine.Timer(-1, period=1000, callback=lambda _: self.feed())
