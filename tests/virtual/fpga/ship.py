"""Works the shipped netlists out anew, after a change of the engine or of a circuit: `python -m tests.virtual.fpga.ship`.

They are those of `playbooks/circuits`, so that the quickstart needs no icestorm.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hivectl.bitstream.reading import read_bitstream
from hivectl.virtual.fpga.cache import SHIPPED, key_of, write_netlist
from hivectl.virtual.fpga.target import PICO2_ICE
from hivectl.virtual.fpga.twin import extract_netlist

CIRCUITS = Path(__file__).parents[3] / "playbooks" / "circuits"


def main() -> None:
    """Write all of them."""
    for path in SHIPPED.glob("*.json"):
        path.unlink()
    for path in sorted(CIRCUITS.glob("*.bin")):
        bitstream = read_bitstream(path.read_bytes(), path.name)
        write_netlist(
            SHIPPED / f"{key_of(bitstream.sha256, PICO2_ICE)}.json", extract_netlist(bitstream, PICO2_ICE)
        )
        sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
