"""mpremote's transfers without its start: `python mpremote_client.py PORT put|get SOURCE...` prints the seconds taken.

They are those that `mpremote cp` makes, in its transport and with its settings, from the raw REPL on.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mpremote.transport_serial import SerialTransport  # type: ignore[import-untyped]


def main(port: str, what: str, sources: list[str]) -> None:
    """Transfer files, and print how long it took."""
    transport = SerialTransport(port, baudrate=115200)
    began = time.monotonic()
    transport.enter_raw_repl(soft_reset=False)
    for source in sources:
        path = Path(source)
        if what == "put":
            transport.fs_writefile(f"/{path.name}", path.read_bytes())
        elif transport.fs_readfile(f"/{path.name}") != path.read_bytes():
            raise SystemExit(f"{path.name} came back damaged")
    transport.exit_raw_repl()
    sys.stdout.write(f"{time.monotonic() - began}\n")
    transport.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
