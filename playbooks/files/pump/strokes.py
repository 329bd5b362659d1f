"""Counts the strokes of a peristaltic pump."""


class Pump:
    """A pump.

    Attributes:
        strokes: so far.
    """

    def __init__(self, microlitres):
        self.strokes = 0
        self._microlitres = microlitres

    def stroke(self):
        """Press once; return the microlitres that have gone through in all."""
        self.strokes += 1
        return self.strokes * self._microlitres
