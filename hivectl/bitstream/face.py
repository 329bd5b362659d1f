"""What Python scripts call: `evaluate(hive, "circuits/*.bin", window="1s")`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
    from typing import Unpack

    from hivectl.bitstream.evaluations import Evaluation


class Wishes(TypedDict, total=False):
    """How circuits are measured: parameters of the module `evaluate`, and `each` for its `spread: false`."""

    measure: str
    window: float | str
    cycles: int
    samples: int
    rate: float
    repeats: int
    each: bool
    boards: Mapping[str, str | Sequence[str]]
    expect: Mapping[str, Any]
    tolerance: float | str
    cache: bool
    protocol: str
    firmware: str | os.PathLike[str]
    patience: float | str


class Measures(Protocol):
    """A hive: `hivectl.Hive`."""

    def evaluate(
        self, files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Unpack[Wishes]
    ) -> Iterator[Evaluation]:
        """Measure circuits on its nodes."""
        ...


class AsyncMeasures(Protocol):
    """A hive: `hivectl.aio.Hive`."""

    def evaluate(
        self, files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Unpack[Wishes]
    ) -> AsyncGenerator[Evaluation]:
        """Measure circuits on its nodes."""
        ...


def evaluate(
    hive: Measures,
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    **options: Unpack[Wishes],
) -> Iterator[Evaluation]:
    """Measure circuits on the boards of a hive, and return each result as it comes.

    Args:
        hive: a `hivectl.Hive`, or an `AuxHive`.
        files: bitstreams, .bin or .asc, or globs of them; one that is none fails alone.
        **options: as those of `Hive.evaluate`.

    Raises:
        InputError: what is asked makes no sense; nothing was measured.
    """
    return hive.evaluate(files, **options)


def evaluate_async(
    hive: AsyncMeasures,
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    **options: Unpack[Wishes],
) -> AsyncGenerator[Evaluation]:
    """Measure circuits on the boards of a `hivectl.aio.Hive`; otherwise as the synchronous one."""
    return hive.evaluate(files, **options)
