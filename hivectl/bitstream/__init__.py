"""FPGA bitstreams: their formats and checks, and what is measured of them on boards.

For scripts: `from hivectl.bitstream import evaluate, read_bitstream`.
"""

from __future__ import annotations

__all__ = ["evaluate", "evaluate_async", "read_bitstream"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hivectl.bitstream.face import evaluate, evaluate_async
    from hivectl.bitstream.reading import read_bitstream


def __getattr__(name: str) -> object:
    """Import what Python scripts use when they use it."""
    if name in ("evaluate", "evaluate_async"):
        from hivectl.bitstream import face

        return getattr(face, name)
    if name == "read_bitstream":
        from hivectl.bitstream.reading import read_bitstream

        return read_bitstream
    raise AttributeError(f"module 'hivectl.bitstream' has no attribute {name!r}")
