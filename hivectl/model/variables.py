"""A node's variables: layers of them, later ones winning, rendered when they are looked up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hivectl.model.records import record
from hivectl.model.templates import VariableLoopError, is_template
from hivectl.model.yaml import origin_of

if TYPE_CHECKING:
    from hivectl.model.origin import Origin
    from hivectl.model.templates import Templates

MISSING = object()


@record
class Layer:
    """Variables of one source.

    Attributes:
        name: of the source, as `hivectl vars --explain` shows it: "inventory", "hive fpga", "facts".
        values: by name.
        data: whether the values are final. What a node has said (facts, registered results) is never a
            template, whatever braces it holds.
    """

    name: str
    values: Mapping[str, Any]
    data: bool = False


@record
class Source:
    """Where a value of a variable comes from.

    Attributes:
        layer: the layer's name.
        origin: where it was written, if in a file.
        value: as written, not rendered.
    """

    layer: str
    origin: Origin | None
    value: Any


class Scope(Mapping[str, Any]):
    """The variables of a node, a task or a loop item.

    A value is rendered when it is first looked up, with this scope's variables: a task's scope renders a
    variable of the inventory with the task's own. It is kept until this scope, or one that it is made from,
    changes.

    Args:
        templates: renders the values.
        layers: lowest precedence first. Name every layer that `put` and `child` will add to, empty ones too:
            what they add has the place of the layer of that name.
    """

    __slots__ = (
        "_changes",
        "_effective",
        "_kept",
        "_layers",
        "_parent",
        "_pending",
        "_seen",
        "_undefined",
        "templates",
    )

    def __init__(self, templates: Templates, layers: tuple[Layer, ...] | list[Layer] = ()) -> None:
        self._begin(templates, layers, None)

    def _begin(
        self, templates: Templates, layers: tuple[Layer, ...] | list[Layer], parent: Scope | None
    ) -> None:
        self.templates = templates
        self._parent = parent
        self._layers = list(layers)
        self._changes = 0
        self._seen = -1
        self._effective: list[Layer] = []
        self._kept: dict[str, Any] = {}
        self._undefined: set[str] = set()
        self._pending: list[str] = []

    def child(self, *layers: Layer) -> Scope:
        """Return a scope with more layers; this one stays as it is, and what is later put here is seen there.

        A layer has its place right above this scope's layer of the same name; one whose name is new is on top.
        """
        scope = Scope.__new__(Scope)
        scope._begin(self.templates, layers, self)  # noqa: SLF001  # one of us
        return scope

    def put(self, layer: str, values: Mapping[str, Any], *, data: bool = True) -> None:
        """Set variables in the layer of that name (a new one, on top, if there is none).

        Args:
            layer: "facts", "set_fact" …
            values: added to those that are there.
            data: whether they are final; only a person's text may be False.
        """
        for index, known in enumerate(self._layers):
            if known.name == layer and known.data == data:
                self._layers[index] = Layer(layer, {**known.values, **values}, data)
                break
        else:
            names = [known.name for known in self._layers]
            place = len(names) - names[::-1].index(layer) if layer in names else len(names)
            self._layers.insert(place, Layer(layer, dict(values), data))
        self._changes += 1

    def explain(self, name: str) -> tuple[Source, ...]:
        """Return every source of a variable, the winning one first; none for an unknown one."""
        found: list[Source] = []
        for layer in self._order():
            if name in layer.values:
                place = origin_of(layer.values, name)
                # what stands in group_vars counts with its hive's variables, too
                if place is None or all(one.origin != place for one in found):
                    found.append(Source(layer.name, place, layer.values[name]))
        return tuple(found)

    def raw(self, name: str) -> Any:
        """Return a variable as it was written; raises KeyError."""
        for layer in self._order():
            if name in layer.values:
                return layer.values[name]
        raise KeyError(name)

    def resolve(self, name: str, default: Any) -> Any:
        """Return a variable's value, or `default`; what is undefined inside it is an undefined value there.

        Raises:
            VariableLoopError: it is defined by itself.
            TemplateError: it cannot be rendered.
        """
        order = self._order()
        value = self._kept.get(name, MISSING)
        if value is not MISSING:
            return value
        for layer in order:
            value = layer.values.get(name, MISSING)
            if value is not MISSING:
                break
        else:
            # Ansible's `vars` is all of them, by name
            return self if name == "vars" else default
        if not layer.data and is_template(value):
            if isinstance(value, dict) and name in self._pending:
                return Unfinished(self, name, value)  # a mapping whose values use one another
            value = self._rendered(name, value, origin_of(layer.values, name))
            self._undefined.add(name)
        elif not isinstance(layer.values, dict) and name not in getattr(layer.values, "lasting", ()):
            return value  # another's mapping: its answer may change
        self._kept[name] = value
        return value

    def _rendered(self, name: str, value: Any, origin: Origin | None) -> Any:
        """Render a variable, or (`name` has a dot in it) one key of a mapping that is being rendered."""
        if name in self._pending:
            circle = " -> ".join([*self._pending[self._pending.index(name) :], name])
            hint = "a variable cannot be made from itself: give one of them another name"
            raise VariableLoopError(f"the variables need one another: {circle}", origin=origin, hint=hint)
        self._pending.append(name)
        try:
            return self.templates.render_lazily(value, self, origin=origin)
        finally:
            self._pending.pop()

    def _order(self) -> list[Layer]:
        """Return the layers, highest precedence first, without empty ones; forget values when something changed."""
        version = self._version()
        if version != self._seen:
            self._kept.clear()
            self._undefined.clear()
            self._effective = [
                layer
                for layer in reversed(self._merged())
                if not isinstance(layer.values, dict) or layer.values
            ]
            self._seen = version
        return self._effective

    def _version(self) -> int:
        version, scope = self._changes, self._parent
        while scope is not None:
            version += scope._changes  # noqa: SLF001  # one of us
            scope = scope._parent  # noqa: SLF001  # one of us
        return version

    def _merged(self) -> list[Layer]:
        if self._parent is None:
            return self._layers
        merged = list(self._parent._merged())  # noqa: SLF001  # one of us
        for layer in self._layers:
            names = [known.name for known in merged]
            place = len(names) - names[::-1].index(layer.name) if layer.name in names else len(names)
            merged.insert(place, layer)
        return merged

    def __getitem__(self, name: str) -> Any:
        """Return a variable's value, rendered.

        Raises:
            KeyError: there is no such variable.
            TemplateError: it cannot be rendered.
        """
        value = self.resolve(name, MISSING)
        if value is MISSING:
            raise KeyError(name)
        if name in self._undefined:
            value = self._kept[name] = self.templates.finish(value)
            self._undefined.discard(name)
        return value

    def __iter__(self) -> Iterator[str]:
        names: dict[str, None] = {}
        for layer in reversed(self._order()):
            names.update(dict.fromkeys(layer.values))
        return iter(names)

    def __len__(self) -> int:
        return len({name for layer in self._order() for name in layer.values})

    def __contains__(self, name: object) -> bool:
        return any(name in layer.values for layer in self._order())

    def __repr__(self) -> str:
        return f"Scope({len(self)} variables)"


class Unfinished(Mapping[str, Any]):
    """A mapping that is being rendered, as its own values see it: each key is rendered when it is looked up."""

    def __init__(self, scope: Scope, name: str, raw: Mapping[Any, Any]) -> None:
        self._scope = scope
        self._name = name
        self._raw = raw

    def resolve(self, key: Any, default: Any) -> Any:
        """Return the value of a key, or `default`; raises VariableLoopError when it needs itself."""
        if key not in self._raw:
            return default
        value = self._raw[key]
        name = f"{self._name}.{key}"
        if isinstance(value, dict) and is_template(value):
            return Unfinished(self._scope, name, value)
        return self._scope._rendered(name, value, origin_of(self._raw, key))  # noqa: SLF001  # a part of it

    def __getitem__(self, key: Any) -> Any:
        value = self.resolve(key, MISSING)
        if value is MISSING:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)
