"""Boards with Raspberry Pi's RP2040 and RP2350.

USB identities of the boot ROMs and `Board-ID`: RP2040 datasheet, section 2.8.4,
and RP2350 datasheet, section 5.5. pico-ice and pico2-ice: tinyvision's pico-ice-sdk, whose firmware offers the
FPGA's flash (alternate setting 0) and its configuration memory (1) by DFU.
"""

from __future__ import annotations

from hivectl.boards.base import ELF, FOLDER, ICE40, UF2, Board, Way

MIB = 1 << 20

WAYS = (
    Way(flasher="uf2", takes=frozenset({UF2})),
    Way(flasher="picotool", takes=frozenset({UF2, ELF})),
    Way(flasher="mpremote", takes=frozenset({FOLDER})),
)
ICE_WAYS = (
    *WAYS,
    Way(flasher="dfu-util", takes=frozenset({ICE40}), options={"id": "1209:b1c0", "alternate": "0"}),
)


def _rp2040(
    name: str,
    summary: str,
    page: str,
    *,
    ways: tuple[Way, ...] = WAYS,
    flash: int = 2 * MIB,
    fpga: str | None = None,
) -> Board:
    return Board(
        name=name,
        summary=summary,
        chip="RP2040",
        ways=ways,
        board_ids=frozenset({"RPI-RP2"}),
        boot_ids=frozenset({"2e8a:0003"}),
        flash_size=flash,
        fpga=fpga,
        measures=frozenset({"pulses", "variance"}) if fpga else frozenset(),
        firmware=f"https://micropython.org/download/{page}/",
        reports="micropython",
    )


def _rp2350(
    name: str,
    summary: str,
    page: str,
    *,
    ways: tuple[Way, ...] = WAYS,
    flash: int = 4 * MIB,
    fpga: str | None = None,
) -> Board:
    return Board(
        name=name,
        summary=summary,
        chip="RP2350",
        ways=ways,
        board_ids=frozenset({"RP2350"}),
        boot_ids=frozenset({"2e8a:000f"}),
        flash_size=flash,
        fpga=fpga,
        measures=frozenset({"pulses", "variance"}) if fpga else frozenset(),
        firmware=f"https://micropython.org/download/{page}/",
        reports="micropython",
    )


PICO = _rp2040("pico", "Raspberry Pi Pico", "RPI_PICO")
PICO_W = _rp2040("pico-w", "Raspberry Pi Pico W", "RPI_PICO_W")
PICO2 = _rp2350("pico2", "Raspberry Pi Pico 2", "RPI_PICO2")
PICO2_W = _rp2350("pico2-w", "Raspberry Pi Pico 2 W", "RPI_PICO2_W")
PICO_ICE = _rp2040(
    "pico-ice",
    "tinyVision pico-ice: RP2040 with an iCE40UP5K",
    "RPI_PICO",
    ways=ICE_WAYS,
    flash=4 * MIB,
    fpga="up5k",
)
PICO2_ICE = _rp2350(
    "pico2-ice", "tinyVision pico2-ice: RP2350 with an iCE40UP5K", "RPI_PICO2", ways=ICE_WAYS, fpga="up5k"
)

BOARDS = (PICO, PICO_W, PICO2, PICO2_W, PICO_ICE, PICO2_ICE)
