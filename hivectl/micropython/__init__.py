"""What MicroPython boards have in common, whatever reaches them: raw REPL, files, errors of the board."""
