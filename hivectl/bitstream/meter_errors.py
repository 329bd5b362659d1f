"""Why a board gave no measurement: one class for each cause."""

from __future__ import annotations

from hivectl.model.node_errors import NodeError


class MeterError(NodeError):
    """The root of what goes wrong between a host and a board that measures."""


class RefusedCircuitError(MeterError):
    """The FPGA did not take the bitstream: CDONE stayed low. It is the circuit's fault, not the board's."""


class RefusedRequestError(MeterError):
    """The board does not do what was asked: its window, its size, its samples."""


class SilentMeterError(MeterError):
    """The board does not answer: it hangs, or it is off."""


class NoMeterError(MeterError):
    """Something answers, but it is no firmware that measures."""


class DamagedLineError(MeterError):
    """The line to the board loses or changes bytes, more than repeating helps against."""
