// What a pico2-ice has besides: an iCE40 on the RP2350's pins, PIO programs that load it and count its pulses.
// Python that runs before boot.py. What the FPGA does is asked of the twin, over the file /dev/ice40:
// a letter, a length, bytes; answers are a letter, a length, bytes.
export const MODULES = `
def _setup(board):
    import struct
    import sys
    import time

    CRESET, CDONE, SELECT = 31, 40, 5
    FULL = 0xFFFFFFFF
    machine = sys.modules["machine"]
    link = open("/dev/ice40", "r+b")
    link.write(b"Z" + bytes(4))
    pace = float(board.pace)
    levels = {}

    def tell(letter, data=b""):
        link.write(letter + struct.pack("<I", len(data)))
        if data:
            link.write(data)

    def ask(letter, data=b""):
        tell(letter, data)
        status, length = struct.unpack("<BI", link.read(5))
        answer = link.read(length) if length else b""
        if status != 75:  # K
            raise OSError(answer.decode())
        return answer

    class Fpga:
        slave = done = False
        fresh = 0
        since = 0

        def pin(self, number, level):
            if number == CRESET:
                if level and not levels.get(CRESET):
                    # SS is looked at as reset ends: low makes it a slave
                    self.slave = not levels.get(SELECT, 1)
                elif not level:
                    self.slave = self.done = False
                    self.fresh = 0
                    tell(b"Z")
            elif number == SELECT and level and self.slave and self.fresh:
                self.done = ask(b"C") == b"1"
                self.fresh = 0
                self.slave = False
                self.since = time.ticks_us()

        def shifted(self, data):
            # with SS high nobody listens
            if self.slave and not levels.get(SELECT, 1):
                self.fresh += len(data)
                tell(b"D", data)

    fpga = Fpga()

    class Pin:
        IN, OUT, OPEN_DRAIN, ALT = 0, 1, 2, 3
        PULL_UP, PULL_DOWN = 1, 2

        def __init__(self, number, mode=-1, pull=-1, value=None, alt=None):
            self.number = number
            if value is not None:
                self.value(value)

        def value(self, level=None):
            if level is None:
                return int(fpga.done) if self.number == CDONE else levels.get(self.number, 0)
            fpga.pin(self.number, int(bool(level)))
            levels[self.number] = int(bool(level))

        __call__ = value

        def on(self):
            self.value(1)

        def off(self):
            self.value(0)

    class ADC:
        def __init__(self, pin):
            pass

        def read_u16(self):
            passed = time.ticks_diff(time.ticks_us(), fpga.since)
            return 0xFFFF if ask(b"V", struct.pack("<Q", max(0, passed))) == b"1" else 0

    class Registers:
        def __init__(self):
            self.values = {}

        def __getitem__(self, address):
            return self.values.get(address, 0)

        def __setitem__(self, address, value):
            self.values[address] = value

    hertz = [150_000_000]

    def freq(value=None):
        if value is None:
            return hertz[0]
        hertz[0] = value

    class PIO:
        IN_LOW, IN_HIGH, OUT_LOW, OUT_HIGH = 0, 1, 2, 3
        SHIFT_LEFT, SHIFT_RIGHT = 0, 1
        JOIN_NONE, JOIN_TX, JOIN_RX = 0, 1, 2

    def asm_pio(**options):
        return lambda function: function

    # the window that is open or was the last: its pulses, and how long it takes
    window = {"pulses": 0, "began": 0, "us": 0}

    class Program:
        def __init__(self, options):
            self.options = options

        def put(self, data):
            raise NotImplementedError("this PIO program takes nothing")

        def fifo(self):
            return 0

        def get(self):
            return 0

        def exec(self, text):
            pass

    class Shift(Program):
        def put(self, data):
            fpga.shifted(data)

    class Gate(Program):
        open = False

        def put(self, cycles):
            cycles += 1
            window["pulses"] = struct.unpack("<Q", ask(b"P", struct.pack("<Q", cycles)))[0]
            window["began"] = time.ticks_ms()
            window["ms"] = int(pace * cycles / 48_000)
            self.open = True

        def fifo(self):
            return int(self.open and time.ticks_diff(time.ticks_ms(), window["began"]) >= window["ms"])

        def get(self):
            self.open = False
            return FULL

    class Edges(Program):
        pushed = 0

        def exec(self, text):
            if text == "push(noblock)":
                self.pushed = 1

        def fifo(self):
            return self.pushed

        def get(self):
            self.pushed = 0
            return FULL - window["pulses"] & FULL

    PROGRAMS = {"shift": Shift, "gate": Gate, "edges": Edges}

    class StateMachine:
        def __init__(self, number, program=None, **options):
            name = program.__name__ if program else ""
            if name not in PROGRAMS:
                raise NotImplementedError("this virtual board has no PIO that runs " + repr(name))
            self._program = PROGRAMS[name](options)

        def active(self, on=None):
            return True

        def restart(self):
            pass

        def exec(self, text):
            self._program.exec(text)

        def put(self, value, shift=0):
            self._program.put(value)

        def get(self):
            return self._program.get()

        def rx_fifo(self):
            return self._program.fifo()

        def tx_fifo(self):
            return 0

    class Rp2:
        pass

    Rp2.PIO, Rp2.StateMachine, Rp2.asm_pio = PIO, StateMachine, staticmethod(asm_pio)
    for name, value in (("Pin", Pin), ("ADC", ADC), ("mem32", Registers()), ("freq", freq)):
        setattr(machine, name, value)
    sys.modules["rp2"] = Rp2()

    # half of the interpreter's time goes into this one otherwise
    import binascii
    import uctypes

    def crc32(data, value=0):
        return int(board.crc32(uctypes.addressof(data), len(data), value)) & 0xFFFFFFFF if len(data) else value

    if board.crc32:
        binascii.crc32 = crc32

    class Poll:
        def register(self, what, mask=1):
            pass

        def poll(self, milliseconds=-1):
            return [(sys.stdin, 1)] if board.ready(milliseconds) else []

    class Select:
        POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16
        poll = Poll

    sys.modules["select"] = Select()
    import micropython

    class Micropython:
        def __getattr__(self, name):
            return getattr(micropython, name)

        def kbd_intr(self, byte):
            board.keyboard(byte >= 0)

    sys.modules["micropython"] = Micropython()
`;
