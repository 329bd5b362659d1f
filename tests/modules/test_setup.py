from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hivectl.helper.facts_index import FACT_NAMES
from hivectl.helper.operations import FACT_GROUPS
from hivectl.modules.base import ModuleError
from hivectl.modules.setup import MINIMUM, groups_of
from tests.support.tasks import do

if TYPE_CHECKING:
    from pathlib import Path


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


def test_the_index_says_what_this_machine_gathers(tmp_path: Path) -> None:
    for group in FACT_GROUPS:
        asked = {"gather_subset": ["!all", "!min", "mounts" if group == "mounts" else group]}
        if group == "hardware":
            asked["gather_subset"].append("!mounts")
        found = do("setup", asked, tmp_path)["ansible_facts"]
        interfaces = {f"ansible_{name}" for name in found.get("ansible_interfaces", [])}
        known = {name for name in found if FACT_NAMES.get(name) == group}

        unknown = {name for name in found if name not in FACT_NAMES}
        assert unknown <= {name.replace("-", "_").replace(".", "_").replace(":", "_") for name in interfaces}
        assert known


def test_filter_takes_names_with_and_without_the_prefix(tmp_path: Path) -> None:
    for pattern in ("ansible_user_i*", "user_id"):
        result = do("setup", {"gather_subset": "!all,!min,user", "filter": pattern}, tmp_path)

        assert list(result["ansible_facts"]) == ["ansible_user_id"]


def test_every_group_has_facts() -> None:
    assert set(FACT_NAMES.values()) == set(FACT_GROUPS)
