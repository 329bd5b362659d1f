"""What a template needs, found by reading it, not by rendering it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import nodes
from jinja2.meta import find_undeclared_variables

from hivectl.model.templating.compiler import LOOKUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# filters that have a use for undefined values, or hand them on
LENIENT = frozenset(
    {"default", "d", "mandatory", "map", "select", "reject", "selectattr", "rejectattr", "ternary"}
)
# may be undefined without failing until they are used
PATHS = (nodes.Name, nodes.Getattr, nodes.Getitem)


def undeclared_names(tree: nodes.Template) -> frozenset[str]:
    """Return the names that the template may look up in the variables, `lookup('vars', 'x')` included.

    Where such a look-up takes its name from a value, "vars" stands for any name.
    """
    found = find_undeclared_variables(tree)
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in LOOKUPS and call.args:
            found |= _looked_up(call)
    return frozenset(found)


def _looked_up(call: nodes.Call) -> set[str]:
    kind, *names = call.args
    if isinstance(kind, nodes.Const) and str(kind.value).removeprefix("ansible.builtin.") not in {
        "vars",
        "varnames",
    }:
        return set()
    if names and isinstance(kind, nodes.Const) and all(isinstance(name, nodes.Const) for name in names):
        return {str(name.value) for name in names if isinstance(name, nodes.Const)}
    return {"vars"}


def needed_names(tree: nodes.Template) -> frozenset[str]:
    """Return the names without which the template surely fails."""
    return frozenset(_statements(tree.body)) & undeclared_names(tree)


def _statements(body: Iterable[nodes.Node]) -> Iterator[str]:
    for node in body:
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                yield from _output(child)
        elif isinstance(node, nodes.If):
            yield from _expression(node.test)
        elif isinstance(node, nodes.For):
            yield from _expression(node.iter)
        elif isinstance(node, nodes.With | nodes.Scope | nodes.ScopedEvalContextModifier):
            yield from _statements(node.body)
        elif isinstance(node, nodes.Assign | nodes.ExprStmt) and not isinstance(node.node, PATHS):
            yield from _expression(node.node)
        if isinstance(node, nodes.For | nodes.Extends | nodes.Block):
            return  # what follows may be skipped by `break`, or be elsewhere


def _output(node: nodes.Node) -> Iterator[str]:
    """What is put out must be defined to its depth."""
    if isinstance(node, nodes.List | nodes.Tuple):
        for item in node.items:
            yield from _output(item)
    elif isinstance(node, nodes.Dict):
        for pair in node.items:
            yield from _output(pair.value)
    else:
        yield from _expression(node)


def _expression(node: nodes.Node) -> Iterator[str]:  # noqa: C901  # one branch for each kind of node
    """Names whose being undefined makes the expression fail or be undefined itself."""
    if isinstance(node, nodes.Name):
        yield node.name
    elif isinstance(node, nodes.Getattr | nodes.Getitem):
        yield from _expression(node.node)
    elif isinstance(node, nodes.Filter):
        yield from _filter(node)
    elif isinstance(node, nodes.Test):
        if node.name not in {"defined", "undefined"}:
            yield from _expression(node.node)
    elif isinstance(node, nodes.Compare | nodes.CondExpr):
        yield from _expression(node.expr if isinstance(node, nodes.Compare) else node.test)
        if isinstance(node, nodes.Compare):
            yield from _expression(node.ops[0].expr)
    elif isinstance(node, nodes.And | nodes.Or):
        yield from _expression(node.left)
    elif isinstance(node, nodes.BinExpr):
        yield from _expression(node.left)
        yield from _expression(node.right)
    elif isinstance(node, nodes.Concat):
        for part in node.nodes:
            yield from _expression(part)
    elif isinstance(node, nodes.UnaryExpr | nodes.Call):
        yield from _expression(node.node)


def _filter(node: nodes.Filter) -> Iterator[str]:
    if node.name in LENIENT or node.node is None:
        return
    yield from _expression(node.node)
    for argument in node.args:
        if isinstance(argument, nodes.Name):
            yield argument.name
