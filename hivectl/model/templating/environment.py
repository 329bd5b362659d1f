"""The sandbox that templates run in."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jinja2.environment import Template
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, TemplateReference, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from hivectl.model.secret import Secret
from hivectl.model.templating.attributes import NOTHING, OwnDict, OwnList, attribute_of, check_percent
from hivectl.model.templating.compiler import Generator, check_lookups, check_names, count_steps
from hivectl.model.templating.errors import TemplateValueError, UndefinedVariableError
from hivectl.model.templating.guard import call_safely
from hivectl.model.templating.limits import (
    BITS,
    SCALARS,
    check_deep,
    check_items,
    check_power,
    check_text,
    step,
)
from hivectl.model.templating.taint import holds_secret, reveal, taint
from hivectl.model.templating.undefined import UndefinedName
from hivectl.model.templating.values import concat, join

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jinja2 import nodes

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "**": operator.pow,
    "%": operator.mod,
}


class Layered(Mapping[str, Any]):
    """Local names before the variables, without rendering these."""

    __slots__ = ("_below", "_names")

    def __init__(self, names: Mapping[str, Any], below: Mapping[str, Any]) -> None:
        self._names = names
        self._below = below

    def resolve(self, name: str, default: Any) -> Any:
        """Return a value, or `default` where there is none."""
        value = self._names.get(name, missing)
        return look_up(self._below, name, default) if value is missing else value

    def __getitem__(self, name: str) -> Any:
        value = self.resolve(name, missing)
        if value is missing:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._below), **dict.fromkeys(self._names)})

    def __len__(self) -> int:
        return len({*self._below, *self._names})


def look_up(variables: Mapping[str, Any], name: str, default: Any) -> Any:
    """Return a variable; mappings that render on look-up do it by `resolve`, and may give an undefined value."""
    if isinstance(variables, dict):
        return variables.get(name, default)
    resolve = getattr(type(variables), "resolve", None)
    if resolve is not None:
        return resolve(variables, name, default)
    try:
        return variables[name]
    except KeyError:
        return default


class ScopeContext(Context):
    """Jinja2's context over a mapping that is never copied nor walked."""

    def __init__(
        self,
        environment: Any,
        parent: Any,
        name: str | None,
        blocks: Any,
        globals: Any = None,  # noqa: A002, ARG002  # as Jinja2 calls it
    ) -> None:
        self.parent = parent
        self.vars = {}
        self.environment = environment
        self.eval_ctx = environment.evaluation
        self.exported_vars = set()
        self.name = name
        self.globals_keys = set()
        self.blocks = {key: [block] for key, block in blocks.items()} if blocks else {}
        self.known: dict[str, Any] = {}

    def resolve_or_missing(self, key: str) -> Any:
        """Look up a name: the template's own, the variables, the functions that every template has."""
        if key in self.vars:
            return self.vars[key]
        value = self.known.get(key, missing)
        if value is missing:
            value = look_up(self.parent, key, missing)
            if value is missing:
                return self.environment.globals.get(key, missing)
            if type(value) in SCALARS:
                # a loop asks for it again and again; while a template is rendered its variables stay as they are
                self.known[key] = value
        return value

    def get_all(self) -> Any:
        """Return everything, still lazy."""
        return Layered(self.vars, self.parent) if self.vars else self.parent

    def derived(self, locals: Any = None) -> ScopeContext:  # noqa: A002  # as Jinja2 calls it
        """Return an independent context of the same template."""
        below = self.get_all()
        names = {name: value for name, value in (locals or {}).items() if value is not missing}
        context = ScopeContext(self.environment, Layered(names, below) if names else below, self.name, {})
        context.blocks = {key: list(blocks) for key, blocks in self.blocks.items()}
        return context


class ScopeTemplate(Template):
    """A template whose contexts are ours."""

    def new_context(self, vars: Any = None, shared: bool = False, locals: Any = None) -> ScopeContext:  # noqa: A002, FBT001, FBT002, ARG002  # as Jinja2 calls it
        """Return a context over `vars`, with `locals` before them."""
        below = {} if vars is None else vars
        names = {name: value for name, value in (locals or {}).items() if value is not missing}
        return ScopeContext(
            self.environment, Layered(names, below) if names else below, self.name, self.blocks
        )


class Sandbox(SandboxedEnvironment):
    """Bounded in steps and sizes, strict about what is undefined, open only to what is listed."""

    code_generator_class = Generator
    context_class = ScopeContext
    template_class = ScopeTemplate
    concat = staticmethod(concat)
    join = staticmethod(join)
    intercepted_binops = frozenset(OPERATORS)

    def __init__(self, **options: Any) -> None:
        super().__init__(
            undefined=UndefinedName,
            optimized=False,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
            cache_size=50,
            auto_reload=False,
            **options,
        )
        self.evaluation = EvalContext(self, None)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return self.prepare(tree)

    def prepare(self, tree: nodes.Template) -> nodes.Template:
        """Check a parsed template and build the counting in."""
        check_names(tree, self)
        check_lookups(tree)
        return count_steps(tree)

    @property
    def step(self) -> bool:
        """Count one step; always true, so that it fits into any condition."""
        step()
        return True

    def shown(self, value: Any) -> Any:
        """Return a value that is put out."""
        if isinstance(value, UndefinedName):
            str(value)  # raises what is undefined
        return value

    def own_list(self, items: list[Any]) -> list[Any]:
        """Return a list that the template wrote."""
        step()
        check_deep(items)
        return OwnList(items)

    def own_dict(self, items: dict[Any, Any]) -> dict[Any, Any]:
        """Return a mapping that the template wrote."""
        step()
        check_deep(items)
        return OwnDict(items)

    def own_tuple(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a tuple that the template wrote."""
        step()
        check_deep(items)
        return items

    def contains(self, item: Any, container: Any) -> bool:
        """`item in container`."""
        if isinstance(item, Undefined):
            str(item)  # raises what is undefined
        if isinstance(container, str | Secret) and (type(item) is Secret or type(container) is Secret):
            return bool(reveal(item) in reveal(container))
        return bool(item in container)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: a method or attribute that is allowed, else the item of that name."""
        if isinstance(obj, Undefined):
            return obj
        found = attribute_of(obj, attribute)
        if found is not NOTHING:
            return found
        return (
            self._item(obj, attribute)
            if isinstance(obj, Mapping)
            else self.undefined(obj=obj, name=attribute)
        )

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: the item, else an attribute that is allowed (`map(attribute="year")`)."""
        if isinstance(obj, Undefined):
            return obj
        if isinstance(argument, Undefined):
            str(argument)  # raises what is undefined
        found = self._item(obj, argument) if isinstance(obj, Mapping) else item_of(obj, argument)
        if found is NOTHING and isinstance(argument, str):
            found = attribute_of(obj, argument)
        return self.undefined(obj=obj, name=argument) if found is NOTHING else found

    def _item(self, mapping: Mapping[Any, Any], key: Any) -> Any:
        try:
            value = look_up(mapping, key, missing) if isinstance(key, str) else mapping[key]
        except UndefinedVariableError as error:
            return UndefinedName(exc=error)
        except (TypeError, LookupError):
            value = missing
        return self.undefined(obj=mapping, name=key) if value is missing else value

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """`obj(...)`: counted, and only what the sandbox handed out."""
        step()
        if isinstance(obj, Undefined):
            str(obj)  # raises what is undefined
        if not callable(obj):
            raise TemplateValueError(f"a value of type {type(obj).__name__} cannot be called")
        return context.call(obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002  # as Jinja2 calls it
        """An operator between two values, once its result is known to be of a decent size."""
        if type(left) is int and type(right) is int and operator in ("+", "-"):
            result = OPERATORS[operator](left, right)
            if result.bit_length() > BITS:
                check_power(2, BITS + 1)
            return result
        if type(left) in {int, float} and type(right) in {int, float} and operator != "**":
            result = self._apply(operator, left, right, secret=False)
            if type(result) is int and result.bit_length() > BITS:
                check_power(2, BITS + 1)
            return result
        step()
        for value in (left, right):
            if isinstance(value, Undefined):
                str(value)  # raises what is undefined
        secret = type(left) is Secret or type(right) is Secret
        if not secret and operator == "%" and isinstance(left, str | bytes):
            secret = holds_secret(right)
        if secret:
            left, right = reveal(left), reveal(right)
        bound_operator(operator, left, right)
        result = self._apply(operator, left, right, secret=secret)
        if secret:
            return taint(result)
        if type(result) not in SCALARS:
            check_deep(result)
        return result

    def _apply(self, operator: str, left: Any, right: Any, *, secret: bool) -> Any:
        return call_safely(
            OPERATORS[operator], f'the operator "{operator}"', (left, right), {}, secret=secret
        )


def item_of(value: Any, key: Any) -> Any:
    """Return the item of a sequence, text or secret; NOTHING where there is none."""
    try:
        if isinstance(value, Secret):
            return Secret(value.reveal()[key])
        if isinstance(value, str | bytes | list | tuple | range | TemplateReference):
            return value[key]
    except (TypeError, LookupError, ValueError):
        return NOTHING
    return NOTHING


def bound_operator(operator: str, left: Any, right: Any) -> None:
    """Refuse an operation whose result would be too large, before it is done."""
    if operator == "**":
        check_power(left, right)
    elif operator == "*":
        for sequence, count in ((left, right), (right, left)):
            if isinstance(sequence, str | bytes) and isinstance(count, int):
                check_text(len(sequence) * max(count, 0))
            elif isinstance(sequence, list | tuple) and isinstance(count, int):
                check_items(len(sequence) * max(count, 0))
    elif operator == "+" and isinstance(left, str | bytes) and isinstance(right, str | bytes):
        check_text(len(left) + len(right))
    elif operator == "%" and isinstance(left, str | bytes):
        check_percent(left)
