"""A circuit as a Python function: slow, but at hand at once, and everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.virtual.fpga.netlist import FIRST, ONE, ZERO
from hivectl.virtual.fpga.program import plan

if TYPE_CHECKING:
    from hivectl.virtual.fpga.expression import Expression
    from hivectl.virtual.fpga.machine import State
    from hivectl.virtual.fpga.netlist import Netlist
    from hivectl.virtual.fpga.program import Phase

SIGNS = {"and": "&", "or": "|", "xor": "^"}


class PythonMachine:
    """A circuit that is run by Python; `machine.Machine`.

    Args:
        netlist: the circuit.
    """

    def __init__(self, netlist: Netlist) -> None:
        program = plan(netlist)
        own = [_name(FIRST + index) for index in range(program.states)]
        everything = "".join(f"{name}, " for name in own)
        cycle = [*_phase(program.low), *(_phase(program.high) if program.high is not None else ())]
        lines = [
            "def run(bits, level, edges, kept, kept_edges, power, since, cycles):",
            f"    {f'({everything}) = bits' if own else 'pass'}",
            "    kept, done, found = tuple(kept), 0, False",
            "    while done < cycles:",
            *(f"        {line}" for line in cycle),
            "        done += 1",
            "        since += 1",
            f"        if ({everything}level,) == kept:",
            "            found = True",
            "            break",
            "        if since == power:",
            f"            kept, kept_edges, power, since = ({everything}level,), edges, 2 * power, 0",
            f"    return [{everything}], level, edges, list(kept), kept_edges, power, since, done, found",
            "def level(bits):",
            f"    {f'({everything}) = bits' if own else 'pass'}",
            *(f"    {line}" for line in _steps(program.low)),
            f"    return {_text(program.low.output)}",
        ]
        space: dict[str, Any] = {
            f"words{index}": memory.words for index, memory in enumerate(netlist.memories)
        }
        # what is run was written here, from numbers
        exec("\n".join(lines), space)  # noqa: S102
        self._run, self._level = space["run"], space["level"]

    def run(self, state: State, cycles: int) -> None:
        """Go on for some cycles, or until a state comes again."""
        state.keep()
        (
            state.bits,
            state.level,
            state.edges,
            state.kept,
            state.kept_edges,
            state.power,
            state.since,
            done,
            found,
        ) = self._run(
            state.bits,
            state.level,
            state.edges,
            state.kept,
            state.kept_edges,
            state.power,
            state.since,
            cycles,
        )
        state.cycles += done
        if found:
            state.period, state.period_edges = state.since, state.edges - state.kept_edges

    def level(self, state: State) -> int:
        """Return the pin's level after the last cycle."""
        return int(self._level(state.bits))


def _name(reference: int) -> str:
    return str(reference) if reference in (ZERO, ONE) else f"v{reference}"


def _text(expression: Expression) -> str:
    if isinstance(expression, int):
        return _name(expression)
    if len(expression) == 2:
        return f"({_text(expression[1])} ^ 1)"
    return f"({_text(expression[1])} {SIGNS[expression[0]]} {_text(expression[2])})"


def _steps(phase: Phase) -> list[str]:
    return [f"{_name(reference)} = {_text(expression)}" for reference, expression in phase.steps]


def _phase(phase: Phase) -> list[str]:
    lines = _steps(phase)
    lines += [f"now = {_text(phase.output)}", "if now > level: edges += 1", "level = now"]
    sinks, values = [], []
    for read in phase.reads:
        address = " | ".join(f"{_text(one)} << {index}" for index, one in enumerate(read.address))
        lines.append(f"word = words{read.memory}[{address}]")
        for output, bit in zip(read.outputs, read.bits, strict=True):
            # what it was is still there: only the names of the new ones are bound
            lines.append(f"n{output} = word >> {bit} & 1 if {_text(read.enable)} else {_name(output)}")
            sinks.append(_name(output))
            values.append(f"n{output}")
    for reference, expression in phase.updates:
        sinks.append(_name(reference))
        values.append(_text(expression))
    if sinks:
        lines.append(f"{', '.join(sinks)} = {', '.join(values)}")
    return lines
