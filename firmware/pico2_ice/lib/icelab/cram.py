"""Configuration of an iCE40 over SPI: slave mode, as Lattice's FPGA-TN-02001 (section 'SPI slave') demands.

Nothing here knows pins by number: they are handed in, so that it runs wherever MicroPython runs.
"""

import time

# microseconds: reset pulse (200 ns at least), and clearing of the memory (1200 at least)
RESET_US, CLEAR_US = 2, 1300
# bytes of eight clocks: before the image, at most until CDONE (100 clocks), and behind it (49 clocks)
BEFORE, UNTIL_DONE, BEHIND = 1, 13, 7


class Fpga:
    """An iCE40 whose configuration pins are ours.

    Args:
        creset: pin with `value(level)`, low resets.
        select: pin of SPI_SS, low selects.
        done: pin of CDONE, to read.
        spi: has `take()` (the lines become ours), `write(data)`, most significant bit first, and `release()`.
    """

    def __init__(self, creset, select, done, spi):
        self._creset = creset
        self._select = select
        self._done = done
        self._spi = spi

    @property
    def done(self):
        """Whether the FPGA says that it is configured."""
        return bool(self._done.value())

    def stop(self):
        """Hold the FPGA in reset: its pins float."""
        self._creset.value(0)

    def load(self, image):
        """Configure; return whether CDONE rose, and the microseconds that it took."""
        began = time.ticks_us()
        self._spi.take()
        try:
            self._select.value(0)
            self._creset.value(0)
            time.sleep_us(RESET_US)
            # SS is low while CRESET rises: slave mode
            self._creset.value(1)
            time.sleep_us(CLEAR_US)
            self._select.value(1)
            self._spi.write(bytes(BEFORE))
            self._select.value(0)
            self._spi.write(image)
            self._select.value(1)
            rose = self._wait()
            if rose:
                self._spi.write(bytes(BEHIND))
            else:
                # a refused image leaves nothing running
                self._creset.value(0)
        finally:
            self._spi.release()
        return rose, time.ticks_diff(time.ticks_us(), began)

    def _wait(self):
        for _ in range(UNTIL_DONE):
            if self.done:
                return True
            self._spi.write(b"\0")
        return self.done
