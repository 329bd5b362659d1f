"""What the drivers `serial` and `webrepl` share: a MicroPython board as a node."""
