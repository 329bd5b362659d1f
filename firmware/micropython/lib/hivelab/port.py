"""What differs between kinds of boards: all of it is here."""

import sys
import time

import machine

try:
    import network
except ImportError:
    # a board without a radio
    network = None

RP2 = sys.platform == "rp2"
# of the RP2040's and RP2350's watchdog, in milliseconds
RP2_LONGEST = 8388
# CYW43: the radio listens all the time, which takes a REPL's answer from 200 ms to 10 ms
CYW43_NO_POWER_SAVE = 0xA11140
# a hard start comes to boot.py sooner than this, in milliseconds
SOON = 10000

CAUSES = (
    ("PWRON_RESET", "power"),
    ("HARD_RESET", "hard"),
    # on RP2 machine.reset() is one of these too
    ("WDT_RESET", "watchdog"),
    ("DEEPSLEEP_RESET", "deep-sleep"),
    ("SOFT_RESET", "soft"),
)

# CYW43 and ESP32 give their reasons by these names, where they know them
REASONS = (
    ("STAT_WRONG_PASSWORD", "wrong-password"),
    # an ESP32 whose password is wrong mostly says this
    ("STAT_HANDSHAKE_TIMEOUT", "wrong-password"),
    ("STAT_NO_AP_FOUND", "no-network"),
    ("STAT_NO_AP_FOUND_IN_RSSI_THRESHOLD", "no-network"),
    ("STAT_NO_AP_FOUND_IN_AUTHMODE_THRESHOLD", "no-network"),
    ("STAT_NO_AP_FOUND_W_COMPATIBLE_SECURITY", "no-network"),
    ("STAT_BEACON_TIMEOUT", "no-network"),
    ("STAT_CONNECT_FAIL", "failed"),
    ("STAT_ASSOC_FAIL", "failed"),
)


def cause():
    """Return why the board started: power, hard, watchdog, deep-sleep, soft or other."""
    # an RP2 keeps the cause of the hard start before; its ticks go on through a soft one
    if RP2 and time.ticks_ms() > SOON:
        return "soft"
    found = machine.reset_cause()
    for name, word in CAUSES:
        if found == getattr(machine, name, None):
            return word
    return "other"


def each_second(callback):
    """Call `callback` each second, between the steps of whatever program runs; return what keeps it going.

    None where there are no timers: MicroPython on something that is no board.
    """
    if not hasattr(machine, "Timer"):
        return None
    if RP2:
        return machine.Timer(period=1000, mode=machine.Timer.PERIODIC, callback=callback)
    # programs take the first ones; an ESP32-C3 has two, an ESP32 four
    for number in (3, 1, 0):
        try:
            timer = machine.Timer(number)
            timer.init(period=1000, mode=machine.Timer.PERIODIC, callback=callback)
        except ValueError:
            continue
        return timer
    raise RuntimeError("no timer is free")


def watchdog(seconds):
    """Start the watchdog, which nothing can stop but a hard reset."""
    longest = RP2_LONGEST if RP2 else seconds * 1000
    return machine.WDT(timeout=min(seconds * 1000, longest))


def low(pin):
    """Return whether a pin is held to ground."""
    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP).value() == 0


def radio(hostname, country, power_save):
    """Switch the radio on and return the Wi-Fi interface; takes up to a second, reaches for nobody."""
    if country:
        network.country(country)
    if hostname:
        network.hostname(hostname)
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    if not RP2:
        # the port's own attempts would hide why they fail
        wlan.config(reconnects=0)
    if not power_save:
        try:
            wlan.config(pm=CYW43_NO_POWER_SAVE if RP2 else wlan.PM_NONE)
        except (AttributeError, ValueError):
            # ESP32 before MicroPython 1.21: it cannot be switched
            pass
    return wlan


def reason(wlan):
    """Return why the last attempt to connect failed; None while it goes on."""
    found = wlan.status()
    for name, word in REASONS:
        if found == getattr(network, name, None):
            return word
    return None
