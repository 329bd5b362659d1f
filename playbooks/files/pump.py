"""A pump's program on a board: a stroke each second, for ever. Arguments: its name, microlitres of a stroke."""

import sys
import time

from strokes import Pump

name = sys.argv[1]
pump = Pump(int(sys.argv[2]))
while True:
    print(name, pump.stroke(), "microlitres")
    time.sleep(1)
