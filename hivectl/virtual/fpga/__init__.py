"""The digital twin of an iCE40: how many pulses a bitstream makes on a pin, exactly or refused, never guessed.

An image becomes tiles (`image`), wires are followed backwards from the pin by what icestorm's icebox knows of the chip
(`chip`, `wires`), cells become a netlist (`extract`, `fold`), which is simulated by a program made for it, in Python
or WebAssembly (`expression`, `python_engine`, `wasm_engine`), until the window ends or a state comes twice (`count`).
"""
