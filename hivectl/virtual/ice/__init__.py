"""`virtual: pico2-ice`: boards whose FPGA is the twin.

`pico2-ice` runs `firmware/pico2_ice`, or whatever is put on it, under a real MicroPython. `pico2-ice-native` speaks
that firmware's frames itself, for labs of many boards; `pico2-ice-icefarm` is a board with iCEFARM's C firmware.
"""
