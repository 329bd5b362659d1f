"""Slotted dataclasses that cost little to define: what a class needs is made when it is first needed.

`dataclass(frozen=True, slots=True)` compiles some eight functions for each class, half a millisecond, and a command
imports more than a hundred of them, most of which it never makes one of. A record is a dataclass to everybody
(`fields`, `replace`, `asdict`, type checkers), and shares its functions with all others but for `__init__`, which is
compiled when so many instances were made that it pays.
"""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field

T = TypeVar("T")
# to compile `__init__` takes as long as to set the fields of so many instances one by one
WORTH_COMPILING = 24


@overload
def record(cls: type[T], /) -> type[T]: ...
@overload
def record(
    *, kw_only: bool = False, eq: bool = True, frozen: bool = True
) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(
    cls: type[Any] | None = None, /, *, kw_only: bool = False, eq: bool = True, frozen: bool = True
) -> Any:
    """Make a class a slotted dataclass, frozen unless it says otherwise; its bases must be records too.

    Args:
        cls: with annotated fields, as for `dataclasses.dataclass`.
        kw_only: its fields are given by name.
        eq: instances with equal fields are equal; frozen ones have the same hash, others have none.
        frozen: fields cannot be set.
    """

    def make(cls: type[Any]) -> type[Any]:
        if not cls.__doc__:
            cls.__doc__ = (
                cls.__name__
            )  # or dataclasses would work out its signature, and import what that needs
        made: Any = _with_fields(cls, kw_only=kw_only)
        made.__init__ = _compiled_later(made)
        methods = {**SHARED, **(FROZEN if frozen else {}), **(EQUAL if eq else {})}
        for name, method in methods.items():
            if name == "__hash__" and not frozen:
                made.__hash__ = None
            elif name not in cls.__dict__:
                setattr(made, name, method)
        return made  # type: ignore[no-any-return]  # the class, with slots

    return make if cls is None else make(cls)


def _with_fields(cls: type[Any], *, kw_only: bool) -> Any:
    """Make a class a dataclass; without looking for `ClassVar` in each annotation's text, which takes a third of it."""
    written = cls.__annotations__
    plain = [
        name
        for name, one in written.items()
        if isinstance(one, str) and "Var" not in one and "KW_ONLY" not in one
    ]
    cls.__annotations__ = {**written, **dict.fromkeys(plain, object)}
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(cls)
    made.__annotations__ = written
    known = made.__dataclass_fields__
    for name in plain:
        known[name].type = written[name]
    return made


def _compiled_later(cls: Any) -> Callable[..., None]:
    """Return an `__init__` that sets the fields one by one, until the compiled one is worth its making."""
    made = 0
    setters: tuple[tuple[str, Callable[[Any, Any], None], Any, Any, bool], ...] | None = None
    places: tuple[str, ...] = ()

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  # it is one
        nonlocal made, setters, places
        made += 1
        if setters is None:
            setters, places = _setters_of(cls)
        values = {**dict(zip(places, args, strict=False)), **kwargs} if args else kwargs
        if made > WORTH_COMPILING or len(values) != len(args) + len(kwargs):
            cls.__init__ = _init_of(cls)
            cls.__init__(self, *args, **kwargs)
            return
        given = 0
        for name, set_field, default, factory, asked in setters:
            if asked and name in values:
                given += 1
                set_field(self, values[name])
            elif factory is not MISSING:
                set_field(self, factory())
            elif default is not MISSING:
                set_field(self, default)
            else:
                given = -1
                break
        if given != len(values):
            # what is missing, or too much, Python says best itself
            _init_of(cls)(self, *args, **kwargs)
        elif hasattr(cls, "__post_init__"):
            self.__post_init__()

    return __init__


def _setters_of(cls: Any) -> tuple[tuple[tuple[str, Any, Any, Any, bool], ...], tuple[str, ...]]:
    """Return what sets each field that `__init__` sets, and the names of those that may be given by place."""
    wanted = [
        one
        for one in fields(cls)
        # what has neither, `__post_init__` sets, or whoever made it
        if one.init or one.default is not MISSING or one.default_factory is not MISSING
    ]
    setters = tuple(
        (one.name, getattr(cls, one.name).__set__, one.default, one.default_factory, one.init)
        for one in wanted
    )
    return setters, tuple(one.name for one in wanted if one.init and not one.kw_only)


def _init_of(cls: Any) -> Callable[..., None]:
    """Compile `__init__`; it sets what is frozen by its slots, twice as fast as by `object.__setattr__`."""
    names: dict[str, Any] = {"MISSING": MISSING}
    frozen = cls.__setattr__ is _set
    by_place: list[str] = ["self"]
    by_name: list[str] = []
    body: list[str] = []
    for one in fields(cls):
        if not one.init and one.default is MISSING and one.default_factory is MISSING:
            continue  # `__post_init__` sets it, or whoever made it
        names[f"set_{one.name}"] = getattr(cls, one.name).__set__
        value = one.name if one.init else f"default_{one.name}"
        default = _default_of(one, names)
        if one.default_factory is not MISSING:
            made = f"make_{one.name}()"
            value = f"{made} if {one.name} is MISSING else {one.name}" if one.init else made
        if one.init:
            (by_name if one.kw_only else by_place).append(f"{one.name}{default}")
        body.append(f"    set_{one.name}(self, {value})" if frozen else f"    self.{one.name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("    self.__post_init__()")
    parameters = [*by_place, *(["*", *by_name] if by_name else [])]
    source = f"def __init__({', '.join(parameters)}):\n" + "\n".join(body or ["    pass"])
    exec(source, names)  # noqa: S102  # of names in our own source, as dataclasses does it
    init: Callable[..., None] = names["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _default_of(one: Field[Any], names: dict[str, Any]) -> str:
    """Return what stands behind a parameter, and put what it means into `names`."""
    if one.default_factory is not MISSING:
        names[f"make_{one.name}"] = one.default_factory
        return "=MISSING"
    if one.default is not MISSING:
        names[f"default_{one.name}"] = one.default
        return f"=default_{one.name}"
    return ""


@cache
def _values(cls: Any) -> Callable[[Any], Any]:
    """Return what takes the fields that count for equality out of an instance."""
    names = [one.name for one in fields(cls) if one.compare]
    return attrgetter(*names) if names else lambda _: ()


def _repr(self: Any) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = _values(self.__class__)
    return values(self) == values(other)


def _hash(self: Any) -> int:
    return hash(_values(self.__class__)(self))


def _set(self: Any, name: str, value: object) -> NoReturn:  # noqa: ARG001  # Python's signature
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _delete(self: Any, name: str) -> NoReturn:  # noqa: ARG001  # Python's signature
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


SHARED = {"__repr__": _repr, "__getstate__": _state, "__setstate__": _restore}
FROZEN = {"__setattr__": _set, "__delattr__": _delete}
EQUAL = {"__eq__": _equal, "__hash__": _hash}
