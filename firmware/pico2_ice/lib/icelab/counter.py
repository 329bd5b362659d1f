"""Pulses within a window of clock cycles: one PIO state machine counts, a second one opens and closes the gate.

The processor has no part in the time: it says how long, and reads the number afterwards. The gate counts cycles of
the FPGA's own clock: the system clock is three times that, and the gate's state machine runs at a third of it.
The counter looks at the gate within a cycle of each rising edge. It takes edges up to half the FPGA's clock.
"""

import rp2

# ruff: noqa: F821 - the names of PIO instructions are there while `asm_pio` runs a function

# what X counts down from
FULL = 0xFFFFFFFF


@rp2.asm_pio()
def edges():
    """X goes down by one for each rising edge at the pin while the gate (the jump pin) is open."""
    wrap_target()
    label("next")
    wait(0, pin, 0)
    wait(1, pin, 0)
    jmp(pin, "count")
    jmp("next")
    label("count")
    jmp(x_dec, "next")
    wrap()


@rp2.asm_pio(sideset_init=rp2.PIO.OUT_LOW)
def gate():
    """The side-set pin is high for as many cycles as the word that is put says, and one; then a word comes back."""
    wrap_target()
    pull(block).side(0)
    mov(x, osr).side(0)
    label("open")
    jmp(x_dec, "open").side(1)
    push(block).side(0)
    wrap()


class Counter:
    """Counts rising edges at `pin` for windows of the FPGA's clock.

    Args:
        pin: where the pulses come in.
        gate_pin: any free pin; it is high while the window is open.
        clock_hz: of the FPGA.
    """

    LONGEST = 1 << 32

    def __init__(self, pin, gate_pin, clock_hz):
        self._edges = rp2.StateMachine(0, edges, freq=3 * clock_hz, in_base=pin, jmp_pin=gate_pin)
        self._gate = rp2.StateMachine(1, gate, freq=clock_hz, sideset_base=gate_pin)

    def start(self, window):
        """Open the gate for `window` cycles."""
        self._edges.active(0)
        self._gate.active(0)
        self._gate.restart()
        self._edges.restart()
        for one in (self._gate, self._edges):
            while one.rx_fifo():
                one.get()
        # ones in X: `set` reaches five bits only
        self._edges.exec("mov(x, invert(null))")
        self._edges.active(1)
        self._gate.active(1)
        self._gate.put(window - 1)

    def ended(self):
        """Whether the window is over."""
        return self._gate.rx_fifo() > 0

    def read(self):
        """Return the pulses of the window that is over, and close."""
        self._gate.get()
        self._gate.active(0)
        self._edges.active(0)
        self._edges.exec("mov(isr, x)")
        self._edges.exec("push(noblock)")
        return FULL - (self._edges.get() & FULL)

    def stop(self):
        """Give a window up."""
        self._gate.active(0)
        self._edges.active(0)
