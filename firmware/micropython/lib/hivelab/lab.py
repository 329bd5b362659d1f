"""The start of a board, and what it does each second from then on."""

import gc
import time

from hivelab import boots, port, store

# seconds without a crash, after which a start was a good one
SETTLED = 60
# attempts to join the Wi-Fi that fail one after the other, before the board is reset: some eight minutes
HOPELESS = 10


class Lab:
    """One start of the board.

    Attributes:
        mode: lab; no-main: all but main.py and the watchdog; safe: nothing.
        reason: why it is not `lab`.
        cause: of the start.
        error: the last thing that went wrong in here.
        number: of the start.
    """

    def __init__(self):
        self.mode = "lab"
        self.reason = None
        self.cause = port.cause()
        self.asked = None
        self.error = None
        self.number = 0
        self.settings = {}
        self.wifi = None
        self.remote = None
        self.clock = None
        self.up = 0
        self._millis = time.ticks_ms()
        self._rest = 0
        self._busy = False
        self._settled = False
        self._timer = None
        self._dog = None

    def boot(self):
        """Start; return why main.py shall not run, None if it shall."""
        crashes = self._begin()
        secrets = self._load()
        if store.exists(store.SAFE):
            self._safe("the file " + store.SAFE + " is there")
        elif self.settings.get("safe_pin") is not None and port.low(self.settings["safe_pin"]):
            self._safe("pin " + str(self.settings["safe_pin"]) + " is held low")
        elif crashes >= boots.SECOND_LIMIT:
            self._safe(str(crashes) + " starts ended within a minute")
        elif crashes >= boots.LIMIT and self.mode == "lab":
            self.mode = "no-main"
            self.reason = str(crashes) + " starts ended within a minute"
        if self.mode == "safe":
            self._log()
            return self.reason
        self._prepare(secrets)
        # first of all: it feeds the watchdog, and starts the rest even if somebody presses Ctrl-C right now
        self._timer = port.each_second(self.tick)
        seconds = self.settings.get("watchdog_s", 8)
        # without a timer nobody would feed it
        if seconds and self.mode == "lab" and self._timer:
            self._dog = port.watchdog(seconds)
        self._log()
        self.tick()
        if self.wifi:
            self.wait(self.settings["wifi"].get("wait_s", 0))
        gc.collect()
        return self.reason

    def wait(self, seconds):
        """Wait until the Wi-Fi is up, at most so many seconds; return whether it is."""
        start = time.ticks_ms()
        while self.wifi and self.wifi.state != "up":
            if time.ticks_diff(time.ticks_ms(), start) >= seconds * 1000:
                return False
            time.sleep_ms(100)
        return self.wifi is not None

    def tick(self, _timer=None):
        """Do what is due in this second; takes milliseconds, but for the time of day."""
        if self._busy:
            # while boot() is in here the timer comes too
            return
        self._busy = True
        try:
            self._step()
        except Exception as error:
            # the next second is another chance: what is raised in a timer may end the timer
            self.error = repr(error)
        finally:
            self._busy = False

    def entry(self):
        """Return what the log says of this start."""
        found = {"n": self.number, "cause": self.cause, "mode": self.mode, "up_s": self.up}
        more = {"reason": self.reason, "asked": self.asked, "error": self.error}
        found.update({name: value for name, value in more.items() if value})
        if self.wifi:
            found["wifi"] = self.wifi.state
            found["webrepl"] = self.remote.state
        return found

    def _begin(self):
        try:
            crashes, self.asked = boots.begin(self.cause)
            past = boots.entries()
        except Exception as error:
            # a full or broken file system; the board shall still be reached
            self.error = repr(error)
            return 0
        self.number = past[-1]["n"] if past else 0
        if self.cause != "soft":
            self.number += 1
        return crashes

    def _load(self):
        try:
            found = store.read(store.SETTINGS)
            secrets = store.read(store.SECRETS) or {}
        except ValueError:
            self._safe("a file in " + store.FOLDER + " is no JSON")
            return {}
        if found is None:
            self._safe("there is no " + store.SETTINGS)
            return {}
        self.settings = found
        return secrets

    def _safe(self, why):
        self.mode = "safe"
        self.reason = self.reason or why

    def _prepare(self, secrets):
        settings = self.settings
        flags = settings.get("flags", {})
        if not flags.get("wifi_connect", True) or not settings.get("wifi") or not port.network:
            return
        from hivelab.clock import Clock
        from hivelab.remote import Remote
        from hivelab.wifi import Wifi

        wifi = Wifi(settings["wifi"], settings.get("name"), secrets.get("wifi_password"))
        remote = Remote(settings.get("webrepl_port", 8266), secrets.get("webrepl_password"))
        clock = Clock(settings.get("ntp_host", "pool.ntp.org"), wanted=flags.get("dt_sync", True))
        # all or none: somebody may press Ctrl-C right now
        self.remote, self.clock, self.wifi = remote, clock, wifi

    def _step(self):
        self._feed()
        self._advance()
        if not self._settled and self.up >= SETTLED:
            self._settled = True
            boots.settle(whole=self.mode == "lab")
            self._log()
        if self.wifi:
            self._network()
        hours = self.settings.get("reset_every_h", 0)
        if hours and self.up >= hours * 3600:
            self._reset("every " + str(hours) + " h")

    def _network(self):
        wifi = self.wifi
        try:
            came = wifi.tick(self.up)
        except Exception as error:
            self.error = repr(error)
            wifi.failed_to_start(self.up)
            came = False
        self.remote.tick(self.up, anew=came and wifi.drops > 0)
        if came and wifi.drops == 0:
            # whoever waits for the first time that it is up reads it there, by whatever way
            self._log()
        if wifi.state == "up" and self.clock.due(self.up):
            # a name server may take some seconds
            self._feed()
            self.clock.set(self.up)
            self._feed()
        if wifi.fails >= HOPELESS and self.settings.get("flags", {}).get("wifi_autoreset", False):
            self._reset("Wi-Fi: " + wifi.state)

    def _reset(self, why):
        import hivelab

        self._log()
        hivelab.reset(why)

    def _feed(self):
        if self._dog:
            self._dog.feed()

    def _advance(self):
        # summed up, because ticks_ms starts over after some days
        now = time.ticks_ms()
        self._rest += time.ticks_diff(now, self._millis)
        self._millis = now
        self.up += self._rest // 1000
        self._rest %= 1000

    def _log(self):
        if self.cause == "soft":
            return
        try:
            boots.log(self.entry())
        except Exception as error:
            self.error = repr(error)
