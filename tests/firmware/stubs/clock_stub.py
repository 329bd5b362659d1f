"""`time` of a board in a test."""

from time import gmtime as _gmtime
from time import ticks_add, ticks_diff

import world

PERIOD = 1 << 29

__all__ = ["gmtime", "sleep", "sleep_ms", "sleep_us", "ticks_add", "ticks_diff", "ticks_ms", "ticks_us"]


def ticks_ms():
    return world.millis % PERIOD


def ticks_us():
    return world.millis * 1000 % PERIOD


def sleep_us(amount):
    world.advance(-(-amount // 1000))


def sleep_ms(amount):
    world.advance(amount)


def sleep(seconds):
    world.run(seconds)


def gmtime(seconds=None):
    return _gmtime(world.epoch if seconds is None else seconds)
