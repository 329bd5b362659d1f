"""A module of another package that raises fails its own step; one of ours is a fault of hivectl."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.modules.base import Module


class ModuleFaultError(HivectlError):
    """A module of another package raised what no module may raise."""


@contextlib.contextmanager
def blamed(module: Module[Any]) -> Iterator[None]:
    """Turn what a module of another package raises into the failure of its step, which names the package."""
    try:
        yield
    except (HivectlError, TimeoutError):
        raise
    except Exception as error:
        package = module.parameters.__module__.partition(".")[0]
        if package == "hivectl":
            raise
        raise ModuleFaultError(
            f"the module {module.name} of the package {package} failed: {type(error).__name__}: {error}",
            hint="tell its author",
        ) from error
