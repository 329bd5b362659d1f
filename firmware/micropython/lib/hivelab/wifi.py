"""The Wi-Fi: joined, and joined again with growing pauses for as long as it is away."""

from hivelab import port

# seconds
PATIENCE = 20
LONGEST_PAUSE = 60
# attempts that fail one after the other, after which the radio is switched off and on
STUCK = 4


class Wifi:
    """The station interface.

    Attributes:
        state: off, connecting, up; while it cannot be joined: no-network, wrong-password or failed.
        fails: attempts that failed since it was last up.
        drops: how often it was lost.
        up_at, down_at: the second of the last change, None where there was none.
    """

    def __init__(self, settings, name, password):
        self.settings = settings
        self.name = name
        self.password = password
        self.state = "connecting"
        self.fails = 0
        self.drops = 0
        self.up_at = None
        self.down_at = None
        self.wlan = None
        self._trying = False
        self._until = 0
        self._next = 0

    def tick(self, now):
        """Do what is due; return whether the Wi-Fi came up in this second."""
        if self.wlan is None:
            if now < self._next:
                return False
            self._open()
        if self.wlan.isconnected():
            return self._connected(now)
        if self.state == "up":
            self.state = "connecting"
            self.drops += 1
            self.down_at = now
            self._next = now
        if self._trying:
            why = port.reason(self.wlan)
            if why or now >= self._until:
                self._failed(now, why or "failed")
        elif now >= self._next:
            self._try(now)
        return False

    def _connected(self, now):
        self._trying = False
        if self.state == "up":
            return False
        self.state = "up"
        self.fails = 0
        self.up_at = now
        return True

    def _open(self):
        settings = self.settings
        wlan = port.radio(
            settings.get("hostname", self.name), settings.get("country"), settings.get("power_save", False)
        )
        static = settings.get("static")
        if static:
            # without a name server of its own a network's gateway mostly is one
            gateway = static["gateway"]
            wlan.ifconfig((static["ip"], static["netmask"], gateway, static.get("dns") or gateway))
        self.wlan = wlan

    def _try(self, now):
        self._trying = True
        self._until = now + PATIENCE
        self.wlan.connect(self.settings["ssid"], self.password)

    def _failed(self, now, why):
        self._trying = False
        self.state = why
        self.fails += 1
        # 1, 2, 4, ... seconds
        self._next = now + min(1 << min(self.fails - 1, 6), LONGEST_PAUSE)
        self.wlan.disconnect()
        if self.fails % STUCK == 0:
            self.wlan.active(False)
            # opened again, and set up anew, by the next tick
            self.wlan = None

    def failed_to_start(self, now):
        """Note that a step raised: try again later, with the same pauses."""
        self._trying = False
        self.state = "failed"
        self.fails += 1
        self._next = now + min(1 << min(self.fails - 1, 6), LONGEST_PAUSE)
