"""Templates: Jinja2 as Ansible's users know it, sandboxed, strict about what is undefined, with native types.

A text that is one expression ("{{ x }}") has the value and the type of `x`; everything else is text. Nothing
that a template makes is read as a template again, so a node's output never runs here. What derives from a
secret is a secret. Jinja2 is imported when the first template is met.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hivectl.model.lazy_patterns import import_lazily
from hivectl.model.permissions import EVERYTHING, Permission
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.templating import simple
from hivectl.model.templating.errors import (
    ConditionError,
    TemplateError,
    TemplateFileError,
    TemplateLimitError,
    TemplateSyntaxError,
    TemplateValueError,
    UndefinedVariableError,
    UnsafeTemplateError,
    VariableLoopError,
)
from hivectl.model.templating.limits import Rendering, current
from hivectl.model.templating.omit import OMIT
from hivectl.model.yaml import YamlList, YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hivectl.model.origin import Origin
    from hivectl.model.templating.engine import Engine

__all__ = [
    "OMIT",
    "ConditionError",
    "TemplateError",
    "TemplateFileError",
    "TemplateLimitError",
    "TemplateOptions",
    "TemplateSyntaxError",
    "TemplateValueError",
    "Templates",
    "UndefinedVariableError",
    "UnsafeTemplateError",
    "VariableLoopError",
    "is_template",
]

HINTS = {
    str: 'compare it ("x == \'on\'"), or turn it into a boolean with "| bool"',
    int: 'compare it: "x != 0", or turn it into a boolean with "| bool"',
    float: 'compare it: "x != 0"',
    list: 'write "x | length > 0"',
    dict: 'write "x | length > 0"',
    Secret: 'write "x | length > 0"',
    type(None): 'write "x is not none"',
}


@record(kw_only=True)
class TemplateOptions:
    """How a template file is read: the options of Ansible's template module, with its defaults.

    The two prefixes are for a template's own first line alone; see templating/header.py.
    """

    block_start_string: str = "{%"
    block_end_string: str = "%}"
    variable_start_string: str = "{{"
    variable_end_string: str = "}}"
    comment_start_string: str = "{#"
    comment_end_string: str = "#}"
    line_statement_prefix: str | None = None
    line_comment_prefix: str | None = None
    trim_blocks: bool = True
    lstrip_blocks: bool = False
    newline_sequence: Literal["\n", "\r\n", "\r"] = "\n"
    keep_trailing_newline: bool = True


def is_template(value: Any) -> bool:
    """Say whether a value has template marks, at any depth; keys of mappings are never templates."""
    if isinstance(value, str):
        return "{" in value and ("{{" in value or "{%" in value or "{#" in value)
    if isinstance(value, dict):
        return any(map(is_template, value.values()))
    if isinstance(value, list | tuple):
        return any(map(is_template, value))
    return False


class Templates:
    """Renders values, evaluates conditions, and says which variables these need.

    Args:
        folder: of the playbook: where `lookup('file', …)` begins to look.
        allowed: what templates may do on the controller; NOTHING for a playbook that came over the network.
        select: returns the nodes that a selector means, for `lookup('inventory_hostnames', …)`.
        warn: tells people of what a lookup with errors='warn' did not find.
        learn: is told what lookups have found, so that the secrets in it are known.
    """

    def __init__(
        self,
        *,
        folder: Path | None = None,
        allowed: Permission = EVERYTHING,
        select: Callable[[str], Sequence[str]] | None = None,
        warn: Callable[[str], None] | None = None,
        learn: Callable[[Any], None] | None = None,
    ) -> None:
        self._folder = folder
        self._allowed = allowed
        self._select = select
        self._warn = warn
        self._learn = learn
        self._engines: dict[tuple[TemplateOptions, tuple[Path, ...]], Engine] = {}
        self._inline: Engine | None = None

    def render(self, value: Any, variables: Mapping[str, Any], *, origin: Origin | None = None) -> Any:
        """Return the value with every template inside rendered, at any depth; keys stay as they are.

        Items and keys of mappings whose value is `omit` are left out. A value without templates is returned
        as the same object; a mapping or list of YAML keeps its origins.

        Args:
            value: a text, or any depth of mappings and lists.
            variables: looked up by name, and only as far as they are used.
            origin: where the value was written; values inside that know their own place better use it.

        Raises:
            TemplateError: with the origin of the very text that is wrong.
        """
        return self._render(value, variables, origin, lazy=False) if is_template(value) else value

    def render_lazily(self, value: Any, variables: Mapping[str, Any], *, origin: Origin | None = None) -> Any:
        """Return as `render`, but with undefined values in the place of texts that need what is not there.

        For variables: `default` and `is defined` shall see that they are undefined. `finish` raises.
        """
        return self._render(value, variables, origin, lazy=True) if is_template(value) else value

    def finish(self, value: Any) -> Any:
        """Return what `render_lazily` gave, once nothing undefined is in it; raises UndefinedVariableError."""
        from hivectl.model.templating.values import finish

        return finish(value)

    def render_text(
        self,
        source: str,
        variables: Mapping[str, Any],
        *,
        path: Path | None = None,
        options: TemplateOptions | Mapping[str, Any] | None = None,
        origin: Origin | None = None,
        searchpath: Sequence[Path] | None = None,
    ) -> str | Secret:
        """Return the text of a template file; a secret when one is in it.

        Args:
            source: the file's text.
            variables: as for `render`.
            path: of the file: complaints name it, with the line.
            options: how to read it; a mapping has the names of TemplateOptions.
            origin: of the text, where it is from no file.
            searchpath: folders that `include`, `import` and `extends` find files in, and nowhere else; the
                default is the file's own folder.

        Raises:
            TemplateError: the template is wrong.
        """
        chosen = options if isinstance(options, TemplateOptions) else TemplateOptions(**(options or {}))
        folders = searchpath if searchpath is not None else () if path is None else (path.parent,)
        engine = self._engine(chosen, tuple(folders))
        with_marks = engine.text(source, origin, path)
        return self._run(lambda: engine.render_text(with_marks, variables), variables, origin)  # type: ignore[no-any-return]  # it is text

    @property
    def folder(self) -> Path:
        """The playbook's folder."""
        return self._folder or Path()

    @property
    def allowed(self) -> Permission:
        """What templates may do on the controller."""
        return self._allowed

    def select(self, expression: str) -> Sequence[str]:
        """Return the nodes that a selector means; raises InputError."""
        if self._select is None:
            raise TemplateValueError("there is no inventory to select from here")
        return self._select(expression)

    def warn(self, message: str) -> None:
        """Tell people what is wrong but not fatal."""
        if self._warn is not None:
            self._warn(message)

    def learn(self, values: Any) -> None:
        """Know the secrets in what a lookup has found."""
        if self._learn is not None:
            self._learn(values)

    def render_file(
        self,
        path: Path,
        variables: Mapping[str, Any],
        *,
        options: Mapping[str, Any],
        searchpath: Sequence[Path],
        origin: Origin | None = None,
    ) -> Any:
        """Return the value of a template file as `render` does; see `render_text` for the parameters."""
        from hivectl.model.lookups.files import read

        engine = self._engine(TemplateOptions(**options), tuple(searchpath))
        compiled = engine.text(read(path), origin, path)
        return self._run(lambda: engine.render(compiled, variables), variables, origin)

    def check_file(self, text: str, path: Path, options: Mapping[str, Any]) -> None:
        """Raise TemplateSyntaxError for a template file that cannot be read, or uses names that nothing has."""
        self._engine(TemplateOptions(**options), ()).check(text, path)

    def look_up(
        self,
        name: str,
        terms: Any,
        variables: Mapping[str, Any],
        *,
        origin: Origin | None = None,
        action: str | None = None,
    ) -> list[Any]:
        """Return the items of a `with_…` loop.

        Args:
            name: of the lookup: what stands behind `with_`.
            terms: as written; templates in them are rendered.
            variables: as for `render`.
            origin: where it was written.
            action: the task's module.

        Raises:
            TemplateError: the lookup finds nothing, or cannot work with the terms.
        """
        from hivectl.model.lookups.calls import look
        from hivectl.model.lookups.registry import find_lookup
        from hivectl.model.templating.values import finish

        lenient = name == "first_found"  # its terms may be undefined
        made = (self.render_lazily if lenient else self.render)(terms, variables, origin=origin)
        given = made if isinstance(made, list | tuple) else [made]
        lookup = find_lookup(name)
        return self._run(  # type: ignore[no-any-return]  # it is a list
            lambda: finish(look(lookup, self, variables, given, {}, action=action)), variables, origin
        )

    def evaluate(self, condition: Any, variables: Mapping[str, Any], *, origin: Origin | None = None) -> bool:
        """Return what a condition (`when`, `that`, `until`) says; of a list, whether all hold.

        Args:
            condition: a bare expression without braces, a bool, or a list of these.
            variables: as for `render`.
            origin: where it was written.

        Raises:
            ConditionError: it is no expression, or its value is no boolean.
            TemplateError: it cannot be evaluated.
        """
        if isinstance(condition, bool):
            return condition
        if isinstance(condition, list | tuple):
            places = (origin_of(condition, index) or origin for index in range(len(condition)))
            return all(
                self.evaluate(part, variables, origin=place)
                for part, place in zip(condition, places, strict=True)
            )
        engine = self._default_engine()
        compiled = engine.condition(condition, origin)
        value = self._run(lambda: engine.render(compiled, variables), variables, origin)
        if isinstance(value, bool):
            return value
        kind = next((kind for kind in HINTS if isinstance(value, kind)), str)
        shown = {
            str: "text",
            int: "number",
            float: "number",
            dict: "mapping",
            type(None): "null",
            Secret: "secret",
        }
        raise ConditionError(
            f'the condition "{_short(condition)}" gives a {shown.get(kind, kind.__name__)}, not true or false',
            origin=origin,
            hint=HINTS[kind],
        )

    def is_template(self, value: Any) -> bool:
        """Say whether a value has template marks, at any depth."""
        return is_template(value)

    def names(self, value: Any, *, origin: Origin | None = None) -> frozenset[str]:
        """Return the variables that rendering may look up, at any depth; "vars" stands for any at all.

        Raises:
            TemplateSyntaxError: a template inside is wrong.
        """

        def names_in(text: str, place: Origin | None) -> frozenset[str]:
            found = simple.names_of(text)
            return self._default_engine().text(text, place).names if found is None else found

        return self._collect(value, origin, names_in)

    def required_names(self, value: Any, *, origin: Origin | None = None) -> frozenset[str]:
        """Return the variables without which rendering surely fails: none behind `default`, `is defined` or `if`.

        Raises:
            TemplateSyntaxError: a template inside is wrong.
        """

        def names_in(text: str, place: Origin | None) -> frozenset[str]:
            found = simple.names_of(text)
            return self._default_engine().text(text, place).required if found is None else found

        return self._collect(value, origin, names_in)

    def condition_names(self, condition: Any, *, origin: Origin | None = None) -> frozenset[str]:
        """Return the variables that a condition may look up; raises as `evaluate` does for its form."""
        return frozenset().union(
            *(self._default_engine().condition(*one).names for one in _parts(condition, origin))
        )

    def required_condition_names(self, condition: Any, *, origin: Origin | None = None) -> frozenset[str]:
        """Return the variables without which a condition surely fails; of a list only the first is certain."""
        for one in _parts(condition, origin):
            return self._default_engine().condition(*one).required
        return frozenset()

    def _collect(
        self, value: Any, origin: Origin | None, names_of: Callable[[str, Origin | None], frozenset[str]]
    ) -> frozenset[str]:
        if isinstance(value, str):
            return names_of(value, origin) if is_template(value) else frozenset()
        found: frozenset[str] = frozenset()
        if isinstance(value, dict | list | tuple):
            for key, item in _entries(value):
                found |= self._collect(item, origin_of(value, key) or origin, names_of)
        return found

    def _render(self, value: Any, variables: Mapping[str, Any], origin: Origin | None, *, lazy: bool) -> Any:
        if isinstance(value, str):
            return self._render_one(value, variables, origin, lazy=lazy) if is_template(value) else value
        if isinstance(value, dict):
            return self._render_mapping(value, variables, origin, lazy=lazy)
        if isinstance(value, list | tuple):
            return self._render_list(value, variables, origin, lazy=lazy)
        return value

    def _render_one(
        self, text: str, variables: Mapping[str, Any], origin: Origin | None, *, lazy: bool
    ) -> Any:
        made = simple.render(text, variables)
        if made is not simple.NOT_SIMPLE:
            return made
        engine = self._default_engine()
        compiled = engine.text(text, origin)
        try:
            return self._run(lambda: engine.render(compiled, variables), variables, origin)
        except UndefinedVariableError as error:
            if not lazy:
                raise
            return engine.undefined(error)

    def _render_mapping(
        self, value: dict[Any, Any], variables: Mapping[str, Any], origin: Origin | None, *, lazy: bool
    ) -> dict[Any, Any]:
        rendered = {}
        for key, item in value.items():
            made = self._render(item, variables, origin_of(value, key) or origin, lazy=lazy)
            if made is not OMIT:
                rendered[key] = made
        if isinstance(value, YamlMapping):
            return YamlMapping(
                rendered,
                origin=value.origin,
                key_origins=value.key_origins,
                value_origins=value.value_origins,
            )
        return rendered

    def _render_list(
        self,
        value: list[Any] | tuple[Any, ...],
        variables: Mapping[str, Any],
        origin: Origin | None,
        *,
        lazy: bool,
    ) -> list[Any]:
        made: list[Any] = []
        omits = False
        for index, item in enumerate(value):
            if isinstance(item, str) and "{" not in item:
                made.append(item)
                continue
            one = simple.render(item, variables) if isinstance(item, str) else simple.NOT_SIMPLE
            if one is simple.NOT_SIMPLE:
                one = self._render(item, variables, origin_of(value, index) or origin, lazy=lazy)
                omits = omits or one is OMIT
            made.append(one)
        if not isinstance(value, YamlList):
            return [item for item in made if item is not OMIT] if omits else made
        if not omits:
            return YamlList(made, origin=value.origin, item_origins=value.item_origins[: len(made)])
        kept = [index for index, item in enumerate(made) if item is not OMIT]
        places = [value.item_origins[index] for index in kept if index < len(value.item_origins)]
        return YamlList([made[index] for index in kept], origin=value.origin, item_origins=places)

    def _run(self, work: Callable[[], Any], variables: Mapping[str, Any], origin: Origin | None) -> Any:
        """Do one rendering; those that it needs on the way share its limits."""
        token = current.set(Rendering(variables)) if current.get() is None else None
        try:
            return work()
        except TemplateError as error:
            if error.origin is None:
                error.origin = origin
            raise
        finally:
            if token is not None:
                current.reset(token)

    def _default_engine(self) -> Engine:
        if self._inline is None:
            import_lazily("jinja2")
            from hivectl.model.templating.engine import Engine

            self._inline = Engine(TemplateOptions(), (), self, inline=True)
        return self._inline

    def _engine(self, options: TemplateOptions, searchpath: tuple[Path, ...]) -> Engine:
        import_lazily("jinja2")
        from hivectl.model.templating.engine import Engine

        key = (options, searchpath)
        if key not in self._engines:
            self._engines[key] = Engine(options, searchpath, self)
        return self._engines[key]


def _entries(value: Any) -> Iterable[tuple[Any, Any]]:
    return value.items() if isinstance(value, dict) else enumerate(value)


def _parts(condition: Any, origin: Origin | None) -> Iterable[tuple[str, Origin | None]]:
    if isinstance(condition, list | tuple):
        for index, part in enumerate(condition):
            yield from _parts(part, origin_of(condition, index) or origin)
    elif not isinstance(condition, bool):
        yield condition, origin


def _short(text: Any) -> str:
    shown = " ".join(str(text).split())
    return shown if len(shown) <= 80 else shown[:79] + "…"
