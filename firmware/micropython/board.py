"""Who this board is, as provisioning wrote it into /hive/settings.json: `import board; board.name`."""

from hivelab import store

_settings = store.read(store.SETTINGS) or {}
_flags = _settings.get("flags", {})

name = _settings.get("name")
circuit_id = _settings.get("circuit_id")
# join the Wi-Fi and start the WebREPL
flag_wifi_connect = _flags.get("wifi_connect", True)
# reset the board when the Wi-Fi stays away for long
flag_wifi_autoreset = _flags.get("wifi_autoreset", False)
# set the clock by NTP
flag_dt_sync = _flags.get("dt_sync", True)
