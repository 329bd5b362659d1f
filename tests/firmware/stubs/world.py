"""What a board meets in a test: a clock that runs as fast as it is asked to, an air with networks in it."""

import sys


class Reset(BaseException):
    """The board starts anew; whatever ran is gone."""


platform = "rp2"
# since the hard start, as ticks_ms gives them
millis = 300
epoch = 1609459200
# ssid -> password
air = {"lab": "correct horse"}
# milliseconds that joining takes
joining = 2000
name_server = True
pins = {}
cause = "power"
# ids of hardware timers that an ESP32 of this kind has
hardware_timers = (0, 1, 2, 3)
# millis -> what happens then
events = []
timers = []
dog = None
stations = []
log = []
webrepl_fails = 0


def at(seconds, happening):
    """Let something happen, seconds from now."""
    events.append((millis + seconds * 1000, happening))


def advance(amount):
    """Let time pass, with everything that is due in it."""
    global millis  # noqa: PLW0603 - there is one time
    end = millis + amount
    while millis < end:
        due = [timer.due for timer in timers] + [event[0] for event in events]
        due += [station.due for station in stations if station.due is not None]
        millis = max(millis + 1, min(due + [end]))  # noqa: RUF005 - MicroPython has no [*a, b]
        for event in [one for one in events if one[0] <= millis]:
            events.remove(event)
            event[1]()
        for station in stations:
            station.pass_time()
        if dog is not None and millis > dog.deadline:
            raise Reset("watchdog")
        for timer in tuple(timers):
            timer.pass_time()


def run(seconds):
    """Let so many seconds pass."""
    advance(int(seconds * 1000))


def note(*what):
    """Write down what the board did, with the second in which it did it."""
    log.append([millis // 1000] + list(what))  # noqa: RUF005 - MicroPython has no [a, *b]


class System:
    """`sys`, but of the board that is played."""

    def __init__(self, real):
        self._real = real
        self.platform = platform

    def __getattr__(self, name):
        return getattr(self._real, name)


def take_over():
    """Put the stand-ins where `import` looks first."""
    import clock_stub

    sys.modules["time"] = clock_stub
    sys.modules["sys"] = System(sys)
