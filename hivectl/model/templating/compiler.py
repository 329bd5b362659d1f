"""Jinja2's compiler with our rules built in: values keep their type, loops count, secrets are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from jinja2.nativetypes import NativeCodeGenerator

from hivectl.model.templating.errors import TemplateSyntaxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jinja2.compiler import Frame
    from jinja2.environment import Environment

# filters that take the name of another one, or of a test: which argument, and of what
NAMED = {
    "map": (0, "filter"),
    "select": (0, "test"),
    "reject": (0, "test"),
    "selectattr": (1, "test"),
    "rejectattr": (1, "test"),
}
LOOKUPS = frozenset({"lookup", "query", "q"})
CONTAINS = {"in": "environment.contains(", "notin": "not environment.contains("}


class Generator(NativeCodeGenerator):
    """Writes the Python of a template."""

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> Any:
        """Nothing is computed while compiling: only rendering is bounded."""
        if isinstance(node, nodes.TemplateData):
            return super()._output_child_to_const(node, frame, finalize)
        raise nodes.Impossible

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002  # as Jinja2 calls it
        """What is put out is defined: the line that does it is known here."""
        self.write("environment.shown(")

    def _output_child_post(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:  # noqa: ARG002  # as Jinja2 calls it
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802  # named by Jinja2
        """`~`: a text, or a secret when a part is."""
        self.write("environment.join([")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("])")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:  # noqa: N802  # named by Jinja2
        """A list that the template may change."""
        self.write("environment.own_list(")
        super().visit_List(node, frame)
        self.write(")")

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:  # noqa: N802  # named by Jinja2
        """A mapping that the template may change."""
        self.write("environment.own_dict(")
        super().visit_Dict(node, frame)
        self.write(")")

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:  # noqa: N802  # named by Jinja2
        """A tuple; those that are assigned to are not values."""
        if node.ctx != "load":
            super().visit_Tuple(node, frame)
            return
        self.write("environment.own_tuple(")
        super().visit_Tuple(node, frame)
        self.write(")")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:  # noqa: N802  # named by Jinja2
        """`in` looks into secrets too."""
        if len(node.ops) != 1 or node.ops[0].op not in CONTAINS:
            super().visit_Compare(node, frame)
            return
        self.write(f"({CONTAINS[node.ops[0].op]}")
        self.visit(node.expr, frame)
        self.write(", ")
        self.visit(node.ops[0].expr, frame)
        self.write("))")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802  # named by Jinja2
        """Slices too go through the environment."""
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.getitem(")
        self.visit(node.node, frame)
        self.write(", slice(")
        for part in (node.arg.start, node.arg.stop, node.arg.step):
            if part is None:
                self.write("None, ")
            else:
                self.visit(part, frame)
                self.write(", ")
        self.write("))")


def count_steps(tree: nodes.Template) -> nodes.Template:
    """Make every loop iteration and macro call count as a step; `environment.step` is the counter."""
    bodies: list[nodes.For | nodes.Macro | nodes.CallBlock] = [
        *tree.find_all(nodes.For),
        *tree.find_all(nodes.Macro),
        *tree.find_all(nodes.CallBlock),
    ]
    for node in bodies:
        counter = nodes.EnvironmentAttribute("step", lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(counter, lineno=node.lineno))
        if isinstance(node, nodes.For) and node.test is not None:
            node.test = nodes.And(counter, node.test, lineno=node.lineno)
    return tree


def check_names(tree: nodes.Template, environment: Environment) -> None:
    """Refuse filters and tests that do not exist, where Jinja2 would wait until one is used."""
    for filter_node in tree.find_all(nodes.Filter):
        filter_node.name = _known(filter_node.name, "filter", environment.filters, filter_node)
        place = NAMED.get(filter_node.name)
        if place is None or len(filter_node.args) <= place[0]:
            continue
        argument = filter_node.args[place[0]]
        if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
            known = environment.filters if place[1] == "filter" else environment.tests
            argument.value = _known(argument.value, place[1], known, argument)
    for test_node in tree.find_all(nodes.Test):
        test_node.name = _known(test_node.name, "test", environment.tests, test_node)


def _known(written: str, word: str, known: Mapping[str, Any], node: nodes.Node) -> str:
    name = written.removeprefix("ansible.builtin.")
    if name not in known:
        from hivectl.model.templating.known import unknown

        where = f" on line {node.lineno} of the template" if node.lineno > 1 else ""
        error = unknown(word, written, where, known)
        error.line = node.lineno
        raise error
    known[name]  # another package's is loaded now, so that a broken one is told here
    return name


def check_lookups(tree: nodes.Template) -> None:
    """Refuse lookups that do not exist, and options that cannot be, as far as they are constant."""
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in LOOKUPS and call.args:
            from hivectl.model.lookups.constants import check_call

            try:
                check_call(call)
            except TemplateSyntaxError as error:
                error.line = call.lineno
                raise


def keep_backslashes(source: str, environment: Environment) -> str:
    r"""Return the source with backslashes in its quoted texts doubled, so that they stay as they are written.

    A playbook's `regex_replace('(a)', '\\1')` means a backslash and a 1, as Ansible's users expect; Jinja2
    by itself would read it as Python does.
    """
    return "".join(
        _kept(value) if kind == "string" else value
        for _line, kind, value in environment.lexer.tokeniter(source, None)
    )


def _kept(written: str) -> str:
    """Return a quoted text with its backslashes doubled; one before the quote goes on keeping the text open."""
    quote, inner = written[0], written[1:-1]
    return quote + inner.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote
