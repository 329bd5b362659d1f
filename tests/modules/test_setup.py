from __future__ import annotations

import pytest

from hivectl.helper.facts_index import FACT_NAMES
from hivectl.helper.operations import FACT_GROUPS
from hivectl.modules.base import ModuleError
from hivectl.modules.setup import MINIMUM, groups_of


@pytest.mark.parametrize(
    ("subsets", "groups"),
    [
        (["all"], set(FACT_GROUPS)),
        ([], set(FACT_GROUPS)),
        (["min"], set(MINIMUM)),
        (["!all"], set(MINIMUM)),
        (["!all", "!min"], set()),
        (["!all", "!min", "network"], {"network"}),
        (["network"], {*MINIMUM, "network"}),
        (["!hardware"], set(FACT_GROUPS) - {"hardware", "mounts"}),
        (["!hardware", "!facter", "!ohai"], set(FACT_GROUPS) - {"hardware", "mounts"}),
        (["!all", "!min", "os_family"], {"distribution"}),
    ],
)
def test_subsets_mean_what_they_mean_to_ansible(subsets: list[str], groups: set[str]) -> None:
    assert set(groups_of(subsets)) == groups


def test_an_unknown_subset_is_refused_with_the_nearest() -> None:
    with pytest.raises(ModuleError, match="did you mean 'network'"):
        groups_of(["netwrk"])


def test_every_group_has_facts() -> None:
    assert set(FACT_NAMES.values()) == set(FACT_GROUPS)
