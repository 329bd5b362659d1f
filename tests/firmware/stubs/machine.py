"""`machine` of a Pico W or an ESP32."""

import world

if world.platform == "rp2":
    PWRON_RESET, WDT_RESET = 1, 3
    _CAUSES = {"power": PWRON_RESET, "watchdog": WDT_RESET, "soft": PWRON_RESET}
else:
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
    _CAUSES = {
        "power": PWRON_RESET,
        "hard": HARD_RESET,
        "watchdog": WDT_RESET,
        "deep-sleep": DEEPSLEEP_RESET,
        "soft": SOFT_RESET,
    }


def reset_cause():
    return _CAUSES[world.cause]


def reset():
    world.note("reset")
    raise world.Reset("machine.reset()")


def unique_id():
    return b"\xe6\x61\x41\x04"


class Timer:
    PERIODIC = 1

    def __init__(self, number=-1, **options):
        if world.platform == "rp2":
            assert number == -1
        elif number not in world.hardware_timers:
            raise ValueError("invalid Timer number")
        if options:
            self.init(**options)

    def init(self, *, period, mode, callback):
        assert mode == self.PERIODIC
        self._period = period
        self._callback = callback
        self.due = world.millis + period
        world.timers.append(self)

    def pass_time(self):
        if world.millis >= self.due:
            self.due = world.millis + self._period
            # as scheduled callbacks are: what they raise is printed and ends nothing else
            self._callback(self)


class WDT:
    def __init__(self, *, timeout):
        if world.platform == "rp2" and timeout > 8388:
            raise ValueError("timeout exceeds 8388")
        self._timeout = timeout
        world.note("watchdog", timeout)
        world.dog = self
        self.feed()

    def feed(self):
        self.deadline = world.millis + self._timeout


class Pin:
    IN, PULL_UP = 0, 1

    def __init__(self, number, mode, pull):
        assert (mode, pull) == (self.IN, self.PULL_UP)
        self._number = number

    def value(self):
        return world.pins.get(self._number, 1)
