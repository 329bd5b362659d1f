"""Texts to compiled templates, kept by text, and compiled templates to values."""

from __future__ import annotations

from dataclasses import asdict, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from jinja2 import FileSystemLoader, nodes
from jinja2.exceptions import TemplateSyntaxError as JinjaSyntaxError
from jinja2.parser import Parser
from jinja2.utils import missing

from hivectl.model.filters.registry import filters, functions, tests
from hivectl.model.origin import Origin
from hivectl.model.plugins import BrokenPluginError
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.templating.analysis import needed_names, undeclared_names
from hivectl.model.templating.compiler import keep_backslashes
from hivectl.model.templating.environment import Sandbox, ScopeContext, ScopeTemplate, look_up
from hivectl.model.templating.errors import (
    ConditionError,
    TemplateError,
    TemplateLimitError,
    TemplateSyntaxError,
)
from hivectl.model.templating.faults import placed, syntax_error, translate
from hivectl.model.templating.guard import FAILURES, describe, with_origin
from hivectl.model.templating.header import HEADER, behind_header, with_header, without_first_newline
from hivectl.model.templating.known import Known
from hivectl.model.templating.undefined import UndefinedName
from hivectl.model.templating.values import concat, finish, join

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hivectl.model.errors import HivectlError
    from hivectl.model.lookups.base import Host
    from hivectl.model.templates import TemplateOptions

KEPT = 20_000  # compiled templates; a large lab's files hold fewer
MARKS = ("{{", "{%", "{#")


@record(frozen=False)
class Compiled:
    """A template, ready to run.

    Attributes:
        root: makes the chunks of a context.
        blocks: its `{% block %}`s.
        newlines: how many the text ends with; they are kept.
        lines: how many lines the text has.
        name: of the variable, when the text is no more than that.
        parse: makes the tree that names are found in; a tree is too large to be kept.
        sandbox: what it runs in.
        options: how it was read.
    """

    root: Callable[[Any], Any]
    blocks: Mapping[str, Any]
    newlines: int
    lines: int
    name: str | None
    parse: Callable[[], nodes.Template]
    sandbox: Sandbox
    options: TemplateOptions
    _names: frozenset[str] | None = field(default=None)
    _required: frozenset[str] | None = field(default=None)

    @property
    def names(self) -> frozenset[str]:
        """Which variables it may look up."""
        if self._names is None:
            self._names = undeclared_names(self.parse())
        return self._names

    @property
    def required(self) -> frozenset[str]:
        """Which variables it surely needs."""
        if self._required is None:
            self._required = needed_names(self.parse())
        return self._required


class Engine:
    """Compiles and renders with one set of options.

    Args:
        options: how texts are read.
        searchpath: folders of files to include.
        host: what `lookup` finds things with.
        inline: for texts in YAML, where backslashes in quoted texts stay.
        headed: for texts whose first line has said the options.
    """

    def __init__(
        self,
        options: TemplateOptions,
        searchpath: Sequence[Path],
        host: Host,
        *,
        inline: bool = False,
        headed: bool = False,
    ) -> None:
        self._options = options
        self._searchpath = searchpath
        self._host = host
        self._inline = inline
        self._headed = headed
        self._texts: dict[str, Compiled] = {}
        self._conditions: dict[str, Compiled] = {}

    @cached_property
    def _sandbox(self) -> Sandbox:
        loader = FileSystemLoader([str(path) for path in self._searchpath]) if self._searchpath else None
        sandbox = Sandbox(loader=loader, **(asdict(self._options) | {"keep_trailing_newline": False}))
        allowed = self._host.allowed
        sandbox.filters = Known("filter", filters(allowed=allowed))
        sandbox.tests = Known("test", tests(allowed=allowed))
        sandbox.globals = dict(functions(self._host))
        return sandbox

    def text(self, source: str, origin: Origin | None = None, path: Path | None = None) -> Compiled:
        """Return a compiled text, read from `path` if from a file; raises TemplateSyntaxError."""
        key = source if path is None else f"{path}\n{source}"
        compiled = self._texts.get(key)
        if compiled is None:
            other = self._reader(source, origin, path)
            if other is None:
                compiled = self._compile(source, origin, self._parse_text, path)
            else:
                compiled = other.text(source, origin, path)
            _keep(self._texts, key, compiled)
        return compiled

    def check(self, source: str, path: Path) -> None:
        """Read the text of a file without making it ready to run; raises TemplateSyntaxError."""
        other = self._reader(source, None, path)
        if other is not None:
            other.check(source, path)
            return
        try:
            self._parse_text(source)
        except (TemplateError, BrokenPluginError) as error:
            raise with_origin(error, _place(error, None, path)) from None
        except JinjaSyntaxError as error:
            raise syntax_error(error, source, None, str(path)) from None

    def _reader(self, source: str, origin: Origin | None, path: Path | None) -> Engine | None:
        """Return what reads a text as its first line says; None where that says nothing, or is heeded here."""
        if self._headed or not source.startswith(HEADER):
            return None
        try:
            options = with_header(source, self._options)
        except TemplateSyntaxError as error:
            raise with_origin(error, _place(error, origin, path)) from None
        return Engine(options, self._searchpath, self._host, inline=self._inline, headed=True)

    def condition(self, source: Any, origin: Origin | None = None) -> Compiled:
        """Return a compiled condition; raises ConditionError and TemplateSyntaxError."""
        compiled = self._conditions.get(source) if isinstance(source, str) else None
        if compiled is None:
            _check_condition(source, origin)
            compiled = self._compile(source, origin, self._parse_condition)
            _keep(self._conditions, source, compiled)
        return compiled

    def undefined(self, error: TemplateError) -> UndefinedName:
        """Return what stands for a value that could not be had because of `error`."""
        return UndefinedName(exc=error)

    def render(self, compiled: Compiled, variables: Mapping[str, Any]) -> Any:
        """Return the value of a template; raises TemplateError."""
        value = self._guarded(compiled, lambda: finish(self._value(compiled, variables)))
        if compiled.newlines and isinstance(value, str | Secret):
            lacking = compiled.newlines - _newlines(value if isinstance(value, str) else value.reveal())
            return join([value, "\n" * lacking]) if lacking > 0 else value
        return value

    def render_text(self, compiled: Compiled, variables: Mapping[str, Any]) -> str | Secret:
        """Return the text of a template; raises TemplateError."""
        value = self._guarded(compiled, lambda: self._text(compiled, variables))
        text: str | Secret = value
        newline = compiled.options.newline_sequence
        if not compiled.options.keep_trailing_newline:
            return text
        shown = text if isinstance(text, str) else text.reveal()
        lacking = compiled.newlines - _newlines(shown.replace(newline, "\n"))
        return join([text, newline * lacking]) if lacking > 0 else text

    def _text(self, compiled: Compiled, variables: Mapping[str, Any]) -> str | Secret:
        value = self._value(compiled, variables)
        return "" if value is None else join([value])

    def _value(self, compiled: Compiled, variables: Mapping[str, Any]) -> Any:
        if compiled.name is None:
            context = ScopeContext(compiled.sandbox, variables, None, compiled.blocks)
            return concat(compiled.root(context))
        value = look_up(variables, compiled.name, missing)
        if value is missing:
            value = self._sandbox.globals.get(compiled.name, missing)
        return UndefinedName(name=compiled.name) if value is missing else value

    def _guarded(self, compiled: Compiled, work: Callable[[], Any]) -> Any:
        """Do the work; whatever goes wrong is a TemplateError that knows its line."""
        try:
            return work()
        except TemplateError as error:
            placed(error, error, compiled.lines)
            raise
        except (RecursionError, MemoryError) as error:
            fault = TemplateLimitError("the template calls itself too deeply")
            raise placed(fault, error, compiled.lines) from None
        except FAILURES as error:
            raise placed(translate(error), error, compiled.lines) from error

    def _compile(
        self,
        source: str,
        origin: Origin | None,
        parse: Callable[[str], nodes.Template],
        path: Path | None = None,
    ) -> Compiled:
        sandbox = self._sandbox
        filename = None if path is None else str(path)
        try:
            tree = parse(source)
            code = sandbox.compile(tree, None, filename)
            template = ScopeTemplate.from_code(sandbox, code, {}, None)
        except (TemplateError, BrokenPluginError) as error:
            raise with_origin(error, _place(error, origin, path)) from None
        except JinjaSyntaxError as error:
            raise syntax_error(error, source, origin, filename) from None
        except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError) as error:
            message = f"the template is too complicated: {describe(error)}"
            raise TemplateSyntaxError(message, origin=origin) from None
        newlines = _newlines(source) if parse == self._parse_text else 0
        lines = source.count("\n") + 1
        return Compiled(
            template.root_render_func,
            template.blocks,
            newlines,
            lines,
            _sole_name(tree),
            partial(parse, source),
            sandbox,
            self._options,
        )

    def _parse_text(self, source: str) -> nodes.Template:
        sandbox = self._sandbox
        if self._headed:
            source = "\n" + behind_header(source)
        if self._inline and "\\" in source:
            ending = "\n" * _newlines(source)
            source = keep_backslashes(source, sandbox).rstrip("\n") + ending
        tree = sandbox.parse(source)
        return without_first_newline(tree) if self._headed else tree

    def _parse_condition(self, source: str) -> nodes.Template:
        sandbox = self._sandbox
        parser = Parser(sandbox, source, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            token = parser.stream.current
            raise JinjaSyntaxError(
                f'"{token.value}" is not expected after an expression', token.lineno, None, None
            )
        tree = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
        tree.set_environment(sandbox)
        return sandbox.prepare(tree)


def _place(error: HivectlError, origin: Origin | None, path: Path | None) -> Origin | None:
    """Return where in a file, or else where at all, a name is that nothing has."""
    line = error.line if isinstance(error, TemplateSyntaxError) else 0
    return Origin(str(path), line or 1, 1) if path is not None else origin


def _keep(cache: dict[str, Compiled], source: str, compiled: Compiled) -> None:
    if len(cache) >= KEPT:
        cache.clear()
    cache[source] = compiled


def _check_condition(source: Any, origin: Origin | None) -> None:
    if not isinstance(source, str):
        kind = type(source).__name__ if source is not None else "null"
        raise ConditionError(f"a condition is an expression, not a value of type {kind}", origin=origin)
    if not source.strip():
        raise ConditionError("the condition is empty", origin=origin, hint="leave the key out")
    if any(mark in source for mark in MARKS):
        whole = source.strip()
        hint = """name the variable itself: "x == name", not "x == '{{ name }}'\""""
        if whole.startswith("{{") and whole.endswith("}}") and whole.count("{{") == 1:
            hint = f"write it without braces: {whole[2:-2].strip()}"
        message = "a condition is an expression already, and needs no {{ }}"
        raise ConditionError(message, origin=origin, hint=hint)


def _sole_name(tree: nodes.Template) -> str | None:
    if len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output) and len(tree.body[0].nodes) == 1:
        only = tree.body[0].nodes[0]
        return only.name if isinstance(only, nodes.Name) and only.name not in {"self", "caller"} else None
    return None


def _newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))
