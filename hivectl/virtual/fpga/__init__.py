"""The digital twin of an iCE40: how many pulses a bitstream makes on a pin, exactly or refused, never guessed.

An image becomes tiles (`image`), wires are followed backwards from the pin by what icestorm's icebox knows of the chip
(`chip`, `wires`), cells become a netlist (`extract`, `fold`), which is simulated by a program made for it, in Python
or WebAssembly (`expression`, `python_engine`, `wasm_engine`), until the window ends or a state comes twice (`circuit`).

What is taken for granted: flip-flops and the outputs of block RAMs are 0 after configuration, inputs of cells to which
nothing is switched are at rest (0; clock enables 1), logic has no delay, so that glitches are not seen. A window holds
whole cycles of the board's clock: it begins before a rising edge and ends before another; a pin that is high at the
start has not risen. The chip's own oscillators have their nominal frequencies.

A circuit of 20 flip-flops does some 80 million cycles a second, one of 1,400 with 2,800 look-up tables 400,000.
"""
