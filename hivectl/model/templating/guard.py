"""What stands around every filter, test, function and method that a template calls.

It counts the step, refuses undefined arguments, keeps secrets secret, bounds what comes back, and turns
whatever goes wrong into one clear error.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from enum import Enum
from functools import wraps
from typing import TYPE_CHECKING, Any

from jinja2.environment import Environment
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Undefined

from hivectl.model.errors import HivectlError
from hivectl.model.secret import Secret
from hivectl.model.templating.errors import TemplateLimitError, TemplateValueError
from hivectl.model.templating.limits import SCALARS, TEXT, check_deep, check_text, step
from hivectl.model.templating.taint import holds_secret, reveal, settle, taint

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES = (
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
    OSError,
    JinjaError,
    binascii.Error,
)


MACHINERY = (Context, Environment, EvalContext)  # what Jinja2 hands to functions that ask for it


class Care(Enum):
    """How a function deals with secrets among its arguments."""

    TEXT = "works on texts: sees them, and what it returns is secret"
    ITEMS = "moves items about: sees a secret only where it is the value itself"
    BLIND = "never looks at them"
    MEASURE = "sees them, and its answer says next to nothing of them"


def guarded(
    function: Callable[..., Any], what: str, care: Care, *, takes_undefined: bool = False
) -> Callable[..., Any]:
    """Return `function` with the guard around it.

    Args:
        function: may ask for the context as Jinja2's functions do.
        what: how messages name it: "the filter combine".
        care: how it deals with secrets.
        takes_undefined: whether undefined arguments are its business.

    Raises:
        TemplateValueError: by the guarded function, for whatever it cannot work with.
    """
    skip = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        step()
        values = args[skip:] if skip else args
        if not kwargs and SCALARS.issuperset(map(type, values)):  # neither secret nor undefined
            return call_safely(function, what, args, kwargs, secret=False)
        if not takes_undefined:
            for value in (*values, *kwargs.values()):
                if isinstance(value, Undefined):
                    str(value)  # raises what is undefined
        secret = False
        if care is not Care.BLIND:
            secret = _sees_secret(care, values, kwargs)
            if secret:
                values = tuple(_unveil(care, value) for value in values)
                kwargs = {name: _unveil(care, value) for name, value in kwargs.items()}
        result = call_safely(function, what, (*args[:skip], *values), kwargs, secret=secret)
        return taint(result) if secret and care is not Care.MEASURE else result

    return guard


def call_safely(
    function: Callable[..., Any], what: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, secret: bool
) -> Any:
    """Call a function; bound its result, and say nothing of its arguments when one is a secret."""
    try:
        result = function(*args, **kwargs)
        if type(result) is str and len(result) <= TEXT:  # most results are
            return result
        if type(result) not in SCALARS:
            result = settle(result)
    except HivectlError as error:
        if not secret or isinstance(error, TemplateLimitError):
            raise
        raise TemplateValueError(f"{what} cannot work with this secret value", hint=error.hint) from None
    except (RecursionError, MemoryError):
        raise TemplateLimitError(f"{what} goes too deep or runs out of memory") from None
    except FAILURES as error:
        own = [one for one in args if not isinstance(one, MACHINERY)]
        if secret or any(map(holds_secret, own)) or any(map(holds_secret, kwargs.values())):
            message = f"{what} cannot work with this secret value ({type(error).__name__})"
            raise TemplateValueError(message) from None
        raise TemplateValueError(f"{what} cannot work with this: {describe(error)}") from error
    if type(result) is str:
        check_text(len(result))
        return result
    if isinstance(result, str):
        check_text(len(result))
        return str(result)  # no Markup: nothing is escaped behind anybody's back
    if type(result) not in SCALARS:
        check_deep(result)
    return result


def describe(error: BaseException) -> str:
    """Return what a foreign exception says, as part of a sentence."""
    if isinstance(error, KeyError) and error.args:
        return f"there is no {error.args[0]!r}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    text = str(error).strip() or type(error).__name__
    return text if len(text) <= 300 else text[:300] + "…"


def with_origin(error: HivectlError, origin: Any) -> HivectlError:
    """Return the error with a place, unless it has one: the innermost place is where the fault is."""
    if error.origin is None:
        error.origin = origin
    return error


def _sees_secret(care: Care, values: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if care is Care.ITEMS:
        return bool(values) and type(values[0]) is Secret
    seen = [*values, *kwargs.values()]
    if care is Care.MEASURE:  # hostvars would render all nodes' variables, only to look whether one is there
        seen = [value for value in seen if isinstance(value, dict) or not isinstance(value, Mapping)]
    return any(map(holds_secret, seen))


def _unveil(care: Care, value: Any) -> Any:
    if care is Care.ITEMS:
        return value.reveal() if isinstance(value, Secret) else value
    if care is Care.MEASURE and isinstance(value, Mapping) and not isinstance(value, dict):
        return value
    return reveal(settle(value))
