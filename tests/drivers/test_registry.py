from __future__ import annotations

import pytest

from hivectl.drivers.registry import driver_names, find_driver
from hivectl.model.errors import InputError


def test_our_drivers_are_found_by_name() -> None:
    for name in ("ssh", "local"):
        driver = find_driver(name)
        assert driver.name == name
        assert driver.summary
        assert driver.capabilities
    assert {"ssh", "local"} <= set(driver_names())


def test_no_machinery_is_taken_for_a_driver() -> None:
    for name in driver_names():
        assert find_driver(name).name == name


def test_a_wrong_name_brings_the_nearest_right_one() -> None:
    with pytest.raises(InputError, match=r"no driver `shh` \(did you mean `ssh`\?\)"):
        find_driver("shh")
    with pytest.raises(InputError, match=r"there are: .*local.*ssh"):
        find_driver("carrier pigeon with a stick")
