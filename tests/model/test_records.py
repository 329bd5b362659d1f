"""Records are frozen dataclasses to whoever uses them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, asdict, field, is_dataclass, replace
from typing import Any, ClassVar

import pytest

from hivectl.model.records import record


@record
class Point:
    """Where something is."""

    across: int
    up: int = 0
    tags: list[str] = field(default_factory=list, compare=False, repr=False)


@record(kw_only=True)
class Named:
    """Something with a name."""

    kind: ClassVar[str] = "thing"
    name: str


@record(kw_only=True)
class Place(Named):
    """A point with a name."""

    kind: ClassVar[str] = "place"
    at: Point = Point(0)

    def __repr__(self) -> str:
        return self.name


@record(eq=False)
class Token:
    """Equal to itself alone."""

    text: str


def test_it_is_a_dataclass() -> None:
    place = Place(name="bench", at=Point(1, up=2))
    assert is_dataclass(place)
    assert asdict(place) == {"name": "bench", "at": {"across": 1, "up": 2, "tags": []}}
    assert replace(place, name="shelf") == Place(name="shelf", at=Point(1, 2))
    assert Place.kind == "place"
    assert repr(place) == "bench"
    assert repr(Point(1)) == "Point(across=1, up=0)"


def test_equality_and_hash_go_by_the_fields_that_count() -> None:
    assert Point(1, 2, ["a"]) == Point(1, 2, ["b"])
    assert len({Point(1, 2), Point(1, 2), Point(2, 1)}) == 2
    other: object = Named(name="1")
    assert Point(1) != other
    assert Token("a") != Token("a")


def test_each_instance_has_defaults_of_its_own() -> None:
    first, second = Point(1), Point(1)
    first.tags.append("x")
    assert second.tags == []


@pytest.mark.parametrize("wrong", [{}, {"across": 1, "down": 2}])
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Point(**wrong)


def test_nothing_can_be_changed() -> None:
    point: Any = Point(1)
    with pytest.raises(FrozenInstanceError):
        point.across = 2
    with pytest.raises(FrozenInstanceError):
        del point.across
    assert not hasattr(point, "__dict__")


def test_copies_and_pickles_are_equal() -> None:
    place = Place(name="bench", at=Point(1, 2))
    assert copy.copy(place) == copy.deepcopy(place) == pickle.loads(pickle.dumps(place)) == place


@record(frozen=False)
class Count:
    """Something that grows."""

    number: int = 0
    seen: list[int] = field(default_factory=list)
    double: int = field(init=False)

    def __post_init__(self) -> None:
        self.double = 2 * self.number


def test_what_is_not_frozen_can_be_changed_and_has_no_hash() -> None:
    count = Count(2)
    count.number += 1
    count.seen.append(1)
    assert (count, count.double) == (copy.copy(count), 4)
    assert Count().seen == []
    with pytest.raises(TypeError):
        hash(count)
    with pytest.raises(AttributeError):
        count.other = 1  # type: ignore[attr-defined]  # it has slots
