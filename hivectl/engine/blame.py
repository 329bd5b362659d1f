"""A module of another package that raises fails its own step; one of ours is a fault of hivectl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from hivectl.modules.base import Module


class ModuleFaultError(HivectlError):
    """A module of another package raised what no module may raise."""


class blamed:  # noqa: N801  # used as a function; a generator would cost five times as much, at each step
    """Turn what a module of another package raises into the failure of its step, which names the package."""

    __slots__ = ("_module",)

    def __init__(self, module: Module[Any]) -> None:
        self._module = module

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Name the package whose fault it is."""
        if (
            error is None
            or isinstance(error, HivectlError | TimeoutError)
            or not isinstance(error, Exception)
        ):
            return
        module = self._module
        package = module.parameters.__module__.partition(".")[0]
        if package == "hivectl":
            return
        raise ModuleFaultError(
            f"the module {module.name} of the package {package} failed: {type(error).__name__}: {error}",
            hint="tell its author",
        ) from error
