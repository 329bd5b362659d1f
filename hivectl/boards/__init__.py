"""Boards: what kinds there are, how each is flashed and what it can measure."""
