"""`virtual: pico-w`: a real MicroPython behind a pseudo-terminal or a WebREPL, as a board is.

The interpreter is MicroPython's own build for WebAssembly, from its npm package, under node. The board's files are a
folder of the lab's state and stay from run to run; what runs on it ends with the command that started it.
"""
