"""Samples of a voltage at equal distances in time, for variances."""

import array
import time


class Sampler:
    """Reads an ADC.

    Args:
        adc: has `read_u16()`.
    """

    MOST = 4096

    def __init__(self, adc):
        self._adc = adc

    def take(self, count, rate_hz, between):
        """Return `count` samples of 16 bits, `rate_hz` a second; `between` is called now and then.

        The distance is kept by the clock, not by sleeping: what comes late does not shift the rest.
        """
        samples = array.array("H", bytes(2 * count))
        read = self._adc.read_u16
        ticks, passed = time.ticks_us, time.ticks_diff
        began = ticks()
        for number in range(count):
            due = number * 1000000 // rate_hz
            while passed(ticks(), began) < due:
                pass
            samples[number] = read()
            if number & 255 == 255:
                between()
        return samples
