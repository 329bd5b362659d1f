"""The clock: UTC by NTP, once the Wi-Fi is up and then once a day."""

import time

# seconds
DAY = 86400
FIRST_PAUSE = 15
LONGEST_PAUSE = 3600


class Clock:
    """When the time was set.

    Attributes:
        state: off, waiting, synced or failed.
        error: what was raised at the last try, where it failed.
        at: when it was set, in UTC, as 2026-11-21T17:00:00Z.
    """

    def __init__(self, host, *, wanted):
        self.state = "waiting" if wanted else "off"
        self.error = None
        self.at = None
        self._host = host
        self._next = 0
        self._pause = FIRST_PAUSE

    def due(self, now):
        """Return whether it shall be set now."""
        return self.state != "off" and now >= self._next

    def set(self, now):
        """Ask for the time: takes up to a second, and as long as a name server takes."""
        try:
            import ntptime

            ntptime.host = self._host
            ntptime.timeout = 1
            ntptime.settime()
        except Exception as error:
            # it was right once: it is nearly right still
            if self.at is None:
                self.state = "failed"
            self.error = repr(error)
            self._next = now + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            return
        year, month, day, hour, minute, second = time.gmtime()[:6]
        self.at = f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z"
        self.state = "synced"
        self.error = None
        self._next = now + DAY
        self._pause = FIRST_PAUSE
