"""PIO state machines, instruction by instruction: what `firmware/pico2_ice` uses of them.

Raspberry Pi RP2350 datasheet, chapter 11 (PIO). Every instruction takes one cycle; one that waits is tried again in
the next; `jmp x--` looks at X before it goes down; a side-set takes hold as its instruction begins, also while that
waits. Pins reach a state machine two cycles late (the synchroniser), unless told otherwise.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MASK = 0xFFFFFFFF
SYNCHRONISER = 2


@dataclass
class Instruction:
    """One instruction: what it does, with what, and its side-set."""

    what: str
    arguments: tuple[Any, ...]
    level: int | None = None

    def side(self, level: int) -> Instruction:
        self.level = level
        return self


@dataclass
class Program:
    """Assembled: instructions, labels, and where it wraps."""

    options: dict[str, Any]
    instructions: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    wrap_target: int = 0
    wrap: int | None = None


def assembled(function: Callable[[], None], options: dict[str, Any]) -> Program:
    """Run a function whose body is PIO instructions, as `rp2.asm_pio` does."""
    program = Program(options)

    def instruction(what: str) -> Callable[..., Instruction]:
        def add(*arguments: Any) -> Instruction:
            made = Instruction(what, arguments)
            program.instructions.append(made)
            return made

        return add

    names: dict[str, Any] = {
        name: instruction(name) for name in ("wait", "jmp", "mov", "pull", "push", "out", "nop")
    }
    names |= {name: name for name in ("pin", "pins", "x_dec", "x", "osr", "isr", "block", "null")}
    names["label"] = lambda name: program.labels.__setitem__(name, len(program.instructions))
    names["wrap_target"] = lambda: setattr(program, "wrap_target", len(program.instructions))
    names["wrap"] = lambda: setattr(program, "wrap", len(program.instructions))
    code: Any = function.__code__
    types.FunctionType(code, names)()
    return program


def load(path: Path) -> Any:
    """Return a module of the firmware, with an `rp2` that assembles for the emulator."""
    rp2: Any = types.ModuleType("rp2")
    rp2.PIO = types.SimpleNamespace(OUT_LOW=0, SHIFT_LEFT=0)
    rp2.asm_pio = lambda **options: lambda function: assembled(function, options)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get("rp2")
    sys.modules["rp2"] = rp2
    try:
        spec.loader.exec_module(module)
    finally:
        if before is None:
            del sys.modules["rp2"]
        else:
            sys.modules["rp2"] = before
    return module


@dataclass
class Pin:
    """A pin with a past: its level at each cycle of the system clock."""

    levels: deque[int] = field(default_factory=lambda: deque([0] * (SYNCHRONISER + 1), SYNCHRONISER + 1))
    now: int = 0

    def tick(self) -> None:
        self.levels.append(self.now)

    def seen(self) -> int:
        return self.levels[0]


@dataclass
class StateMachine:
    """One state machine.

    Attributes:
        divider: cycles of the system clock for each of its own.
        pin: what `wait` looks at; `gate`: what `jmp pin` looks at; `side`: what its side-set drives; `out`: what
            `out` drives.
    """

    program: Program
    divider: int = 1
    pin: Pin | None = None
    gate: Pin | None = None
    side: Pin | None = None
    out: Pin | None = None
    at: int = 0
    x: int = 0
    osr: int = 0
    left: int = 0
    transmit: deque[int] = field(default_factory=deque)
    receive: deque[int] = field(default_factory=deque)

    def tick(self, cycle: int) -> None:
        """Let one cycle of the system clock pass."""
        if cycle % self.divider:
            return
        now = self.program.instructions[self.at]
        if now.level is not None:
            assert self.side is not None
            self.side.now = now.level
        going = getattr(self, f"_{now.what}")(*now.arguments)
        if going is None:
            return
        last = len(self.program.instructions) if self.program.wrap is None else self.program.wrap
        self.at = going if going >= 0 else (self.program.wrap_target if self.at + 1 == last else self.at + 1)

    # each returns where it goes on: -1 the next instruction, None the same one again

    def _wait(self, level: int, source: str, index: int) -> int | None:
        assert (source, index) == ("pin", 0)
        assert self.pin is not None
        return -1 if self.pin.seen() == level else None

    def _jmp(self, condition: str, label: str | None = None) -> int | None:
        if label is None:
            return self.program.labels[condition]
        if condition == "pin":
            assert self.gate is not None
            return self.program.labels[label] if self.gate.seen() else -1
        assert condition == "x_dec"
        jumps = self.x != 0
        self.x = (self.x - 1) & MASK
        return self.program.labels[label] if jumps else -1

    def _mov(self, target: str, source: str) -> int | None:
        assert (target, source) == ("x", "osr")
        self.x = self.osr
        return -1

    def _pull(self, _: str) -> int | None:
        if not self.transmit:
            return None
        self.osr = self.transmit.popleft()
        return -1

    def _push(self, _: str) -> int | None:
        self.receive.append(0)
        return -1

    def _out(self, _: str, count: int) -> int | None:
        assert count == 1
        assert self.out is not None
        if self.left == 0:
            if not self.transmit:
                return None
            self.osr, self.left = self.transmit.popleft(), self.program.options["pull_thresh"]
        self.out.now = self.osr >> 31
        self.osr = (self.osr << 1) & MASK
        self.left -= 1
        return -1

    def _nop(self) -> int | None:
        return -1
