"""Boards with Espressif's chips.

Where the boot loader begins in the flash, and so where an image that begins with it is written: esptool's targets.
"""

from __future__ import annotations

from hivectl.boards.base import ESPRESSIF, FOLDER, UF2, Board, Way

# board -> (chip, its name for esptool, offset of the boot loader, MicroPython's board)
CHIPS = {
    "esp8266": ("ESP8266", "esp8266", 0x0, "ESP8266_GENERIC"),
    "esp32": ("ESP32", "esp32", 0x1000, "ESP32_GENERIC"),
    "esp32-s2": ("ESP32-S2", "esp32s2", 0x1000, "ESP32_GENERIC_S2"),
    "esp32-s3": ("ESP32-S3", "esp32s3", 0x0, "ESP32_GENERIC_S3"),
    "esp32-c2": ("ESP32-C2", "esp32c2", 0x0, "ESP32_GENERIC_C2"),
    "esp32-c3": ("ESP32-C3", "esp32c3", 0x0, "ESP32_GENERIC_C3"),
    "esp32-c5": ("ESP32-C5", "esp32c5", 0x2000, "ESP32_GENERIC_C5"),
    "esp32-c6": ("ESP32-C6", "esp32c6", 0x0, "ESP32_GENERIC_C6"),
    "esp32-h2": ("ESP32-H2", "esp32h2", 0x0, "ESP32_GENERIC_H2"),
    "esp32-p4": ("ESP32-P4", "esp32p4", 0x2000, "ESP32_GENERIC_P4"),
}


def _board(name: str) -> Board:
    chip, tool, offset, page = CHIPS[name]
    return Board(
        name=name,
        summary=f"boards with Espressif's {chip}",
        chip=chip,
        ways=(
            Way(
                flasher="esptool",
                takes=frozenset({ESPRESSIF}),
                options={"chip": tool, "offset": f"{offset:#x}"},
            ),
            # boards that carry TinyUF2
            Way(flasher="uf2", takes=frozenset({UF2})),
            Way(flasher="mpremote", takes=frozenset({FOLDER})),
        ),
        firmware=f"https://micropython.org/download/{page}/",
        reports="micropython",
    )


ESP8266 = _board("esp8266")
ESP32 = _board("esp32")
ESP32_S2 = _board("esp32-s2")
ESP32_S3 = _board("esp32-s3")
ESP32_C2 = _board("esp32-c2")
ESP32_C3 = _board("esp32-c3")
ESP32_C5 = _board("esp32-c5")
ESP32_C6 = _board("esp32-c6")
ESP32_H2 = _board("esp32-h2")
ESP32_P4 = _board("esp32-p4")

BOARDS = (ESP8266, ESP32, ESP32_S2, ESP32_S3, ESP32_C2, ESP32_C3, ESP32_C5, ESP32_C6, ESP32_H2, ESP32_P4)
