"""`network` of a Pico W or an ESP32, with their numbers."""

import world

STA_IF = 0
if world.platform == "rp2":
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 0, 1, 3
    STAT_CONNECT_FAIL, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = -1, -2, -3
    _REFUSED = STAT_WRONG_PASSWORD
else:
    STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
    STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD, STAT_HANDSHAKE_TIMEOUT = 200, 201, 202, 204
    _REFUSED = STAT_HANDSHAKE_TIMEOUT


def hostname(name):
    world.note("hostname", name)


def country(code):
    world.note("country", code)


class WLAN:
    def __init__(self, interface):
        assert interface == STA_IF
        for earlier in tuple(world.stations):
            world.stations.remove(earlier)
        world.stations.append(self)
        self._active = False
        self._wanted = None
        self.due = None
        self._status = STAT_IDLE
        self._address = None
        # an ESP32 tries again for ever, and says nothing of why, unless it is told otherwise
        self._reconnects = world.platform == "esp32"

    def active(self, on):
        self._active = on
        world.note("radio", on)
        if not on:
            self._status = STAT_IDLE
            self.due = None

    def config(self, name=None, **options):
        assert self._active
        if name == "mac":
            return b"\x28\xcd\xc1\x00\x00\x01"
        if "reconnects" in options:
            if world.platform == "rp2":
                raise ValueError("unknown config param")
            self._reconnects = options["reconnects"] != 0
        if world.platform == "esp32" and "pm" in options:
            raise ValueError("unknown config param")
        return None

    def ifconfig(self, address=None):
        if address is None:
            return self._address or ("10.0.0.77", "255.255.255.0", "10.0.0.1", "10.0.0.1")
        world.note("static", list(address))
        self._address = address
        return None

    def connect(self, ssid, password):
        assert self._active
        if self._status == STAT_CONNECTING and world.platform == "esp32":
            raise OSError("Wifi Internal State Error")
        world.note("connect", ssid)
        self._wanted = (ssid, password)
        self._status = STAT_CONNECTING
        self.due = world.millis + world.joining

    def disconnect(self):
        self._status = STAT_IDLE
        self.due = None

    def isconnected(self):
        return self._status == STAT_GOT_IP

    def status(self, what=None):
        if what == "rssi":
            return -51
        if self._reconnects and self._status in (STAT_NO_AP_FOUND, _REFUSED):
            return STAT_CONNECTING
        return self._status

    def scan(self):
        raise AssertionError("a scan blocks for seconds")

    def pass_time(self):
        """Let a join succeed or fail when its time has come; lose what is there no more."""
        if self._status == STAT_GOT_IP and self._wanted[0] not in world.air:
            self._status = STAT_NO_AP_FOUND
        if self.due is None or world.millis < self.due:
            return
        self.due = None
        ssid, password = self._wanted
        if ssid not in world.air:
            self._status = STAT_NO_AP_FOUND
        elif world.air[ssid] != password:
            self._status = _REFUSED
        else:
            self._status = STAT_GOT_IP
