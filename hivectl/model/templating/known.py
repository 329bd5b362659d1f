"""The filters and tests that templates know: ours and Jinja2's, then those of installed packages."""

from __future__ import annotations

from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import HivectlError
from hivectl.model.plugins import BrokenPluginError, installed, load, package_of
from hivectl.model.suggestions import did_you_mean
from hivectl.model.templating.errors import TemplateSyntaxError, TemplateValueError
from hivectl.model.templating.guard import Care, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

# Ansible's, and those that its users often have, with what to write instead
REFUSED = {
    "json_query": "use selectattr, map and first",
}
# tests that Ansible once had as filters, too
TESTS = frozenset({"success", "succeeded", "failed", "changed", "skipped"})


class Known(dict[str, Any]):
    """Functions by name; a package's is loaded when its name, which is none of ours, is first looked up.

    Args:
        kind: "filter" or "test": the entry points are in `hivectl.filters` or `hivectl.tests`.
        ours: our own and Jinja2's, guarded.
    """

    def __init__(self, kind: str, ours: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__(ours)
        self._kind = kind

    def __missing__(self, name: str) -> Any:
        point = _installed(self._kind).get(name)
        if point is None:
            raise KeyError(name)
        self[name] = function = _guarded(point, self._kind)
        return function

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in _installed(self._kind)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a function; Jinja2 asks by this."""
        return self[name] if name in self else default  # noqa: SIM401  # this is `get`


@cache
def _installed(kind: str) -> Mapping[str, EntryPoint]:
    return dict(installed(f"hivectl.{kind}s"))


def _guarded(point: EntryPoint, kind: str) -> Callable[..., Any]:
    """Return a package's function with the guard around it, and its faults told as the package's.

    Raises:
        BrokenPluginError: it cannot be loaded, or is no function.
    """
    function, package = load(point, kind), package_of(point)
    if not callable(function):
        raise BrokenPluginError(
            f"the package {package!r} offers {point.value!r} as the {kind} {point.name!r}, but that is no function",
            hint="its author must point the entry point at a function",
        )

    @wraps(function)
    def blamed(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except HivectlError:
            raise
        except Exception as error:  # another author's code
            raise TemplateValueError(
                f"the {kind} {point.name} of the package {package} failed: {type(error).__name__}: {error}",
                hint="tell its author",
            ) from error

    return guarded(blamed, f"the {kind} {point.name}", Care.TEXT if kind == "filter" else Care.MEASURE)


def unknown(kind: str, written: str, where: str, known: Mapping[str, Any]) -> TemplateSyntaxError:
    """Return the complaint about a name that is no filter or test, with the nearest right one."""
    name = written.removeprefix("ansible.builtin.").removeprefix("community.general.")
    if kind == "filter" and name in REFUSED:
        return TemplateSyntaxError(f'the {kind} "{written}" is not supported{where}', hint=REFUSED[name])
    if kind == "filter" and name in TESTS:
        return TemplateSyntaxError(
            f'there is no filter "{written}"{where}',
            hint=f"it is a test: write `is {name}` in place of `| {name}`",
        )
    names = {*known, *_installed(kind)}
    hint = did_you_mean(name, sorted(names)) or f"packages bring others: `hivectl plugin show {kind}`"
    return TemplateSyntaxError(f'there is no {kind} "{written}"{where}', hint=hint)
