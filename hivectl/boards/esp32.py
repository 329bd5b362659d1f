"""Boards with Espressif's chips.

Where the boot loader begins in the flash, by chip: Espressif's "Boot Image Format" and esptool's targets, and so where
an image of MicroPython that begins with the boot loader is written; UF2 families: those of the UF2 registry, which
TinyUF2 boards take.
"""

from __future__ import annotations

from hivectl.boards.base import ESPRESSIF, FOLDER, UF2, Board, Way

# chip -> (name of esptool, offset of the boot loader, UF2 family, MicroPython's board)
CHIPS = {
    "esp8266": ("ESP8266", "esp8266", 0x0, 0x7EAB61ED, "ESP8266_GENERIC"),
    "esp32": ("ESP32", "esp32", 0x1000, 0x1C5F21B0, "ESP32_GENERIC"),
    "esp32-s2": ("ESP32S2", "esp32s2", 0x1000, 0xBFDD4EEE, "ESP32_GENERIC_S2"),
    "esp32-s3": ("ESP32S3", "esp32s3", 0x0, 0xC47E5767, "ESP32_GENERIC_S3"),
    "esp32-c2": ("ESP32C2", "esp32c2", 0x0, 0x2B88D29C, "ESP32_GENERIC_C2"),
    "esp32-c3": ("ESP32C3", "esp32c3", 0x0, 0xD42BA06C, "ESP32_GENERIC_C3"),
    "esp32-c5": ("ESP32C5", "esp32c5", 0x2000, 0xF71C0343, "ESP32_GENERIC_C5"),
    "esp32-c6": ("ESP32C6", "esp32c6", 0x0, 0x540DDF62, "ESP32_GENERIC_C6"),
    "esp32-h2": ("ESP32H2", "esp32h2", 0x0, 0x332726F6, "ESP32_GENERIC_H2"),
    "esp32-p4": ("ESP32P4", "esp32p4", 0x2000, 0x3D308E94, "ESP32_GENERIC_P4"),
}


def _board(name: str) -> Board:
    chip, tool, offset, family, page = CHIPS[name]
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
        families=frozenset({family}),
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
