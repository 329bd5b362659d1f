"""What a lookup is, and what it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from hivectl.model.permissions import NOTHING, Permission
from hivectl.model.records import record
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.guard import Care
from hivectl.model.templating.undefined import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hivectl.model.origin import Origin


class Host(Protocol):
    """What lookups have of the templates that ask them."""

    @property
    def folder(self) -> Path:
        """The playbook's folder."""
        ...

    @property
    def allowed(self) -> Permission:
        """What may be done on the controller."""
        ...

    def select(self, expression: str) -> Sequence[str]:
        """Return the nodes that a selector means."""
        ...

    def render_file(
        self,
        path: Path,
        variables: Mapping[str, Any],
        *,
        options: Mapping[str, Any],
        searchpath: Sequence[Path],
        origin: Origin | None = None,
    ) -> Any:
        """Return the value of a template file."""
        ...

    def warn(self, message: str) -> None:
        """Tell people what is wrong but not fatal."""
        ...

    def learn(self, values: Any) -> None:
        """Know the secrets in what a lookup has found."""
        ...


@record(kw_only=True)
class NoOptions:
    """Options of a lookup that has none of its own."""


@record(kw_only=True)
class Request:
    """One question to a lookup.

    Attributes:
        terms: what stands behind the lookup's name, or under `with_…`.
        options: an instance of the lookup's own options.
        variables: all that the template sees, rendered when they are looked up; some may be undefined.
        host: what the controller offers.
        action: the module of the task, for `with_…`; None in a template.
    """

    terms: Sequence[Any]
    options: Any
    variables: Mapping[str, Any]
    host: Host
    action: str | None = None

    def texts(self) -> list[str]:
        """Return the terms, all of which must be texts; raises TemplateValueError."""
        for term in self.terms:
            if not isinstance(term, str):
                raise TemplateValueError(
                    f"a text is needed, not a value of type {kind_of(term)}",
                    hint="write * before a list: lookup(…, *the_list)",
                )
        return list(self.terms)


@record(kw_only=True)
class Lookup:
    """A way to find values.

    Attributes:
        name: as templates write it.
        summary: one line.
        find: returns a list of values; raises TemplateValueError for what cannot be found.
        options: dataclass of `parameter()` fields, as modules have them.
        needs: what it does on the controller.
        care: how it deals with secrets among its terms.
        takes_undefined: whether undefined terms and options are its business.
        constant: it depends on nothing but its terms, so that it can be tried offline.
        package: that brings it, as pip calls it; None for our own.
    """

    name: str
    summary: str
    find: Callable[[Request], list[Any]]
    options: type[Any] = NoOptions
    needs: Permission = NOTHING
    care: Care = Care.TEXT
    takes_undefined: bool = False
    constant: bool = False
    package: str | None = None


def opened(values: Sequence[Any]) -> list[Any]:
    """Return the values, those that are lists replaced by their items."""
    return [item for value in values for item in (value if isinstance(value, list | tuple) else [value])]
