"""How the board is, in words that `hivectl check` understands."""

import gc
import os
import sys

VERSION = 1


def status_of(lab):
    """Return the status of a start; of what there is without one, where `lab` is None."""
    from hivelab import boots, port

    found = _machine()
    try:
        found["boots"] = boots.entries()
        found["crashes"] = boots.count()
    except Exception as error:
        found["error"] = repr(error)
    if lab is None:
        found["mode"] = "not-started"
        return found
    found.update(
        name=lab.settings.get("name"),
        circuit_id=lab.settings.get("circuit_id"),
        mode=lab.mode,
        reason=lab.reason,
        cause=lab.cause,
        up_s=lab.up,
        error=found.get("error") or lab.error,
    )
    if port.network is None:
        found["wifi"] = {"state": "no-radio"}
    if lab.wifi:
        found["wifi"] = _wifi(lab.wifi)
        found["webrepl"] = {"state": lab.remote.state, "port": lab.remote.port, "error": lab.remote.error}
        found["time"] = {"state": lab.clock.state, "at": lab.clock.at, "error": lab.clock.error}
    return found


def _machine():
    gc.collect()
    found = {
        "version": VERSION,
        "platform": sys.platform,
        "firmware": ".".join(str(part) for part in sys.implementation[1][:3]),
        "machine": getattr(sys.implementation, "_machine", None),
        "free_memory": gc.mem_free(),
    }
    try:
        import machine

        found["unique_id"] = "".join(f"{byte:02x}" for byte in machine.unique_id())
        size = os.statvfs("/")
        found["free_disk"] = size[0] * size[3]
    except (ImportError, AttributeError, OSError):
        # a port without one of them
        pass
    return found


def _wifi(wifi):
    found = {"state": wifi.state, "ssid": wifi.settings.get("ssid"), "fails": wifi.fails, "drops": wifi.drops}
    if wifi.wlan is None:
        return found
    try:
        found["mac"] = ":".join(f"{byte:02x}" for byte in wifi.wlan.config("mac"))
        if wifi.state == "up":
            found["ip"] = wifi.wlan.ifconfig()[0]
            found["rssi"] = wifi.wlan.status("rssi")
    except (OSError, ValueError):
        # a radio that does not say
        pass
    return found
