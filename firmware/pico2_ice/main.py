"""Starts the measuring; Ctrl-C between two frames gives the REPL back."""

import icelab

icelab.run()
