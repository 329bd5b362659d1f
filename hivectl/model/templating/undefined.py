"""Names that are not there: errors that say which, where, and which name is near."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2.runtime import StrictUndefined
from jinja2.utils import missing

from hivectl.model.secret import Secret
from hivectl.model.templating.errors import TemplateError, UndefinedVariableError
from hivectl.model.templating.limits import current


class UndefinedName(StrictUndefined):
    """What a template has in hand for a name that is not there; any use but `default` and `is defined` raises.

    Looking further into it gives itself, so that `a.b.c | default(1)` works where `a` is not there.
    """

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: Any = None, exc: Any = UndefinedVariableError
    ) -> None:
        if isinstance(exc, TemplateError):
            known = exc
            super().__init__(hint, obj, name, lambda _message: known)  # type: ignore[arg-type]  # raised as returned
        else:
            super().__init__(hint, obj, name, lambda _message: explain(hint, obj, name))  # type: ignore[arg-type]  # likewise

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, _key: Any) -> UndefinedName:  # type: ignore[override]  # looking further does not fail
        return self


def explain(hint: str | None, owner: Any, name: Any) -> UndefinedVariableError:
    """Return the error for a name, key or attribute that is not there."""
    shown = (
        "a secret key"
        if isinstance(name, Secret)
        else repr(name)
        if not isinstance(name, str)
        else f'"{name}"'
    )
    if hint:
        error = UndefinedVariableError(hint.rstrip("."))
    elif owner is missing:
        error = UndefinedVariableError(f"the variable {shown} is not defined", hint=_near(name, _variables()))
    elif isinstance(owner, Mapping):
        error = UndefinedVariableError(f"the mapping has no key {shown}", hint=_near(name, owner))
    elif isinstance(owner, list | tuple | str) and isinstance(name, int):
        error = UndefinedVariableError(f"there is no item {shown}: the {kind_of(owner)} has {len(owner)}")
    else:
        error = UndefinedVariableError(f"a value of type {kind_of(owner)} has no attribute {shown}")
    error.name = name if isinstance(name, str) else shown
    return error


def kind_of(value: Any) -> str:
    """Return what people call the type of a value."""
    if isinstance(value, Mapping):
        return "mapping"
    names = {"str": "text", "NoneType": "null", "Secret": "secret", "YamlList": "list", "OwnList": "list"}
    return names.get(type(value).__name__, type(value).__name__)


def _variables() -> Mapping[str, Any]:
    rendering = current.get()
    return rendering.variables if rendering is not None else {}


def _near(name: Any, known: Mapping[Any, Any]) -> str | None:
    from hivectl.model.suggestions import did_you_mean

    if not isinstance(name, str):
        return None
    return did_you_mean(name, (key for key in known if isinstance(key, str))) or None
