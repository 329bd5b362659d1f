// What a board has and the interpreter of the npm package lacks; Python that runs before boot.py.
export const MODULES = `
def _setup(board):
    import sys

    class Machine:
        _ended = False
        PWRON_RESET = 1
        HARD_RESET = 2
        WDT_RESET = 3
        DEEPSLEEP_RESET = 4
        SOFT_RESET = 5

        def reset(self):
            board.reset()
            raise SystemExit

        def bootloader(self, *_):
            board.bootloader()
            raise SystemExit

        def soft_reset(self):
            raise SystemExit

        def unique_id(self):
            return bytes((str(board.name) + "virtual!")[:8], "ascii")

        def reset_cause(self):
            return int(board.cause)

        def freq(self, *_):
            return 125_000_000

        def idle(self):
            pass

        def _run(self, name, scope):
            self._ended = False
            try:
                with open(name) as file:
                    text = file.read()
                exec(compile(text, name, "exec"), scope)
            except SystemExit:
                self._ended = True
            except BaseException as error:
                sys.print_exception(error)

    import os
    import time
    from collections import namedtuple

    timers = []

    def alarm():
        if timers:
            board.alarm(min(time.ticks_diff(timer._due, time.ticks_ms()) for timer in timers))

    class Timer:
        ONE_SHOT, PERIODIC = 0, 1

        def __init__(self, number=-1, **options):
            if options:
                self.init(**options)

        def init(self, *, period=1000, freq=None, mode=PERIODIC, callback=None):
            self.deinit()
            self._period = int(1000 / freq) if freq else period
            self._again = mode == self.PERIODIC
            self._callback = callback
            self._due = time.ticks_add(time.ticks_ms(), self._period)
            timers.append(self)
            alarm()

        def deinit(self):
            if self in timers:
                timers.remove(self)

    def tick():
        for timer in tuple(timers):
            if time.ticks_diff(timer._due, time.ticks_ms()) > 0:
                continue
            timer._due = time.ticks_add(time.ticks_ms(), timer._period)
            if not timer._again:
                timer.deinit()
            try:
                timer._callback(timer)
            except Exception as error:
                sys.print_exception(error)
        alarm()

    class WDT:
        def __init__(self, id=0, timeout=5000):
            pass

        def feed(self):
            pass

    Machine.Timer = Timer
    Machine.WDT = WDT
    Machine._tick = staticmethod(tick)

    # any network is there, and takes any password that a network may have
    class WLAN:
        _join = None
        _active = False
        _status = 0
        PM_NONE = 0

        def __init__(self, interface=0):
            pass

        def active(self, on=None):
            if on is not None:
                WLAN._active = bool(on)
            return WLAN._active

        def config(self, name=None, **options):
            return bytes((0x28, 0xCD, 0xC1, 0, 0, 1)) if name == "mac" else None

        def ifconfig(self, address=None):
            return ("127.0.0.1", "255.0.0.0", "127.0.0.1", "127.0.0.1")

        def connect(self, ssid=None, password=None):
            self._look()
            good = not password or 8 <= len(password) <= 63
            WLAN._join = time.ticks_add(time.ticks_ms(), 100) if good else None
            WLAN._status = 1 if good else -3

        def disconnect(self):
            WLAN._join, WLAN._status = None, 0

        def _look(self):
            if WLAN._join is not None and time.ticks_diff(WLAN._join, time.ticks_ms()) <= 0:
                WLAN._join, WLAN._status = None, 3

        def isconnected(self):
            self._look()
            return WLAN._status == 3

        def status(self, what=None):
            self._look()
            return -40 if what == "rssi" else WLAN._status

    class Network:
        STA_IF, AP_IF = 0, 1
        STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 0, 1, 3
        STAT_CONNECT_FAIL, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = -1, -2, -3

        def hostname(self, name=None):
            return name

        def country(self, code=None):
            return code

    Network.WLAN = WLAN

    class WebRepl:
        def start(self, port=8266, password=None, accept_handler=None):
            if password is None:
                import webrepl_cfg

                password = webrepl_cfg.PASS
            if not 4 <= len(password) <= 9:
                raise ValueError("invalid WebREPL password")
            board.webrepl(password)

        def start_foreground(self, port=8266, password=None):
            self.start(port, password)

        def stop(self):
            board.webrepl("")

        def accept_conn(self, listening):
            return False

    class NtpTime:
        host = "pool.ntp.org"
        timeout = 1

        # the clock is the host's
        def settime(self):
            pass

    Uname = namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))
    # as on a board: "v1.27.0 on 2025-12-10" is followed by what compiled it
    version, machine = str(board.version), str(board.machine)
    release = version.split(" ")[0][1:]

    class Os:
        def __getattr__(self, name):
            return getattr(os, name)

        def uname(self):
            return Uname("rp2", "rp2", release, version + " (virtual)", machine)

    sys.modules["machine"] = Machine()
    sys.modules["os"] = Os()
    sys.modules["network"] = Network()
    sys.modules["webrepl"] = WebRepl()
    sys.modules["ntptime"] = NtpTime()
`;
