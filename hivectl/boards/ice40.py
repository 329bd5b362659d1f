"""iCE40 boards without a microcontroller of ours: an FTDI chip, or a boot loader in the FPGA, writes their SPI flash.

USB identities are those of the makers' FTDI chips (0403:6010 FT2232H, 0403:6014 FT232H); Fomu and iCEBreaker bitsy
carry DFU boot loaders (1209:5bf0, 1d50:6146).
"""

from __future__ import annotations

from hivectl.boards.base import ICE40, Board, Way

FT2232H, FT232H = "0403:6010", "0403:6014"


def _ftdi(name: str, summary: str, fpga: str, chip: str, identity: str = FT2232H) -> Board:
    return Board(
        name=name,
        summary=summary,
        chip=chip,
        ways=(
            Way(flasher="iceprog", takes=frozenset({ICE40}), options={"id": identity}),
            Way(flasher="openfpgaloader", takes=frozenset({ICE40}), options={"board": "ice40_generic"}),
        ),
        boot_ids=frozenset({identity}),
        fpga=fpga,
    )


def _dfu(name: str, summary: str, identity: str, board: str) -> Board:
    return Board(
        name=name,
        summary=summary,
        chip="iCE40UP5K",
        ways=(
            Way(flasher="dfu-util", takes=frozenset({ICE40}), options={"id": identity, "alternate": "0"}),
            Way(flasher="openfpgaloader", takes=frozenset({ICE40}), options={"board": board}),
        ),
        boot_ids=frozenset({identity}),
        fpga="up5k",
    )


ICESTICK = _ftdi("icestick", "Lattice iCEstick", "hx1k", "iCE40HX1K")
ICEBREAKER = _ftdi("icebreaker", "1BitSquared iCEBreaker", "up5k", "iCE40UP5K")
GO_BOARD = _ftdi("go-board", "Nandland Go Board", "hx1k", "iCE40HX1K")
ICEZUM = _ftdi("icezum-alhambra", "IceZUM Alhambra", "hx1k", "iCE40HX1K")
ALHAMBRA_2 = _ftdi("alhambra-ii", "Alhambra II", "hx8k", "iCE40HX4K")
HX8K = _ftdi("ice40-hx8k", "Lattice iCE40-HX8K breakout board", "hx8k", "iCE40HX8K")
UP5K = _ftdi("ice40-up5k", "Lattice iCE40 UltraPlus breakout board", "up5k", "iCE40UP5K")
ALCHITRY_CU = _ftdi("alchitry-cu", "Alchitry Cu", "hx8k", "iCE40HX8K")
UPDUINO = _ftdi("upduino", "tinyVision UPduino 3", "up5k", "iCE40UP5K", FT232H)
FOMU = _dfu("fomu", "Fomu", "1209:5bf0", "fomu")
BITSY = _dfu("icebreaker-bitsy", "1BitSquared iCEBreaker bitsy", "1d50:6146", "icebreaker-bitsy")

BOARDS = (
    ICESTICK,
    ICEBREAKER,
    GO_BOARD,
    ICEZUM,
    ALHAMBRA_2,
    HX8K,
    UP5K,
    ALCHITRY_CU,
    UPDUINO,
    FOMU,
    BITSY,
)
