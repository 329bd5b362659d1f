"""Filters on dates and times."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hivectl.model.templating.errors import TemplateValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def to_datetime(text: str, format: str = "%Y-%m-%d %H:%M:%S") -> datetime:  # Ansible's parameter
    """Return the time that a text stands for; two of them can be subtracted."""
    return datetime.strptime(text, format)  # noqa: DTZ007  # as written, without a zone


def strftime(format: str, second: Any = None, utc: bool = False) -> str:  # Ansible's parameters
    """Return a time (seconds since 1970; default: now) as `format` says."""
    if second is not None:
        try:
            second = float(second)
        except (TypeError, ValueError):
            raise TemplateValueError(
                "strftime needs seconds since 1970", hint="'%Y' | strftime(1700000000)"
            ) from None
    return time.strftime(format, time.gmtime(second) if utc else time.localtime(second))


def now(utc: bool = False, fmt: str | None = None) -> Any:  # Ansible's parameter
    """Return the time it is, or its text in the format `fmt`."""
    moment = datetime.now(UTC).replace(tzinfo=None) if utc else datetime.now()  # noqa: DTZ005  # local time, as Ansible
    return moment.strftime(fmt) if fmt else moment


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"to_datetime": to_datetime, "strftime": strftime}
)
