"""`node.beacon.on(1, mode="x")`: a dotted call as text, and the value that comes back."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from hivectl.client.errors import NotLiteralError, RemoteCallError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.client.output import Output

SIMPLE = (type(None), bool, int, float, complex, str, bytes)


def check_name(name: str) -> None:
    """Refuse a name that is never forwarded; raises AttributeError."""
    if name.startswith("_"):
        raise AttributeError(f"names with a leading underscore are not forwarded to nodes: {name!r}")


class Remote:
    """A dotted name on a node; calling it calls that, nothing else sends anything.

    Args:
        node: the node's name.
        forward: of the node: takes the dotted name and the arguments.
        dotted: the name, as far as it is known.
    """

    __slots__ = ("_dotted", "_forward", "_node")

    def __init__(self, node: str, forward: Callable[..., Any], dotted: str = "") -> None:
        self._node = node
        self._forward = forward
        self._dotted = dotted

    def __getattr__(self, name: str) -> Remote:
        """Go one name further."""
        check_name(name)
        return Remote(self._node, self._forward, f"{self._dotted}.{name}" if self._dotted else name)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it; see `forward` of the node."""
        if not self._dotted:
            raise TypeError("name what shall be called: node.remote.name(...)")
        return self._forward(self._dotted, *arguments, **named)

    def __repr__(self) -> str:
        """Return what would be called."""
        return f"<{self._dotted or 'names'} on {self._node}; call it>"


def call_text(dotted: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    """Return a call as Python text, its arguments as literals; raises NotLiteralError."""
    shown = [literal(value) for value in arguments]
    shown += [f"{name}={literal(value)}" for name, value in named.items()]
    return f"{dotted}({', '.join(shown)})"


def literal(value: Any) -> str:
    """Return the literal of a value; raises NotLiteralError when it has none."""
    text = repr(value)
    try:
        same = _plain(value) and ast.literal_eval(text) == value
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        same = False
    if not same:
        raise NotLiteralError(
            f"{text[:80]} cannot be sent to a node: only literals can "
            "(numbers, texts, bytes, None, True, False; lists, tuples, sets and dicts of them)"
        )
    return text


def _plain(value: Any) -> bool:
    """Whether a value is of the built-in types all through: what looks like one of them may be something else."""
    if type(value) in SIMPLE:
        return True
    if type(value) in (list, tuple, set):
        return all(_plain(item) for item in value)
    return type(value) is dict and all(_plain(key) and _plain(item) for key, item in value.items())


def value_of(output: Output, text: str, node: str) -> Any:
    """Return what a forwarded call printed: the value of a literal, else the text; raises RemoteCallError, a board's leaf of it."""
    if output.error is not None:
        raise output.error
    if output.failed:
        lines = [line for line in output.splitlines() if line.strip()]
        raise RemoteCallError(
            f"{text} raised {lines[-1] if lines else 'an exception'}\n{output.rstrip()}", node=node
        )
    printed = output.removesuffix("\n")
    if not printed:
        return None
    try:
        return ast.literal_eval(printed)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return str(printed)
