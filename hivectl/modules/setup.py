"""`setup`: what a node is, as `ansible_*` variables."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import ClassVar

from hivectl.drivers.base import Capability
from hivectl.helper.operations import FACT_GROUPS, Facts, ItemResult, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, merge_results

# Ansible's names of subsets -> our groups; those of single collectors as ansible-core 2.19 documents them
MINIMUM = ("platform", "distribution", "user", "date_time", "env", "python", "local")
SUBSETS: dict[str, tuple[str, ...]] = {
    "all": FACT_GROUPS,
    "min": MINIMUM,
    "all_ipv4_addresses": ("network",),
    "all_ipv6_addresses": ("network",),
    "architecture": ("platform",),
    "date_time": ("date_time",),
    "default_ipv4": ("network",),
    "default_ipv6": ("network",),
    "devices": ("hardware",),
    "distribution": ("distribution",),
    "distribution_major_version": ("distribution",),
    "distribution_release": ("distribution",),
    "distribution_version": ("distribution",),
    "env": ("env",),
    "hardware": ("hardware", "mounts"),
    "interfaces": ("network",),
    "kernel": ("platform",),
    "kernel_version": ("platform",),
    "local": ("local",),
    "machine": ("platform",),
    "machine_id": ("platform",),
    "mounts": ("mounts",),
    "network": ("network",),
    "os_family": ("distribution",),
    "platform": ("platform",),
    "processor": ("hardware",),
    "processor_cores": ("hardware",),
    "processor_count": ("hardware",),
    "python": ("python",),
    "python_version": ("python",),
    "system": ("platform",),
    "user": ("user",),
    "user_id": ("user",),
    "virtual": ("virtual",),
    "virtualization_role": ("virtual",),
    "virtualization_type": ("virtual",),
}
# needs programs of other projects on the node: leaving them out is all that can be asked
ELSEWHERE = frozenset({"facter", "ohai"})


@record(kw_only=True)
class Parameters:
    """What `setup` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "gather_timeout": "leave it out, or give the task a `timeout`",
    }

    gather_subset: list[str] = parameter(
        "Which facts are gathered; with ! before it, which are not.",
        default=["all"],
        example=["!all", "network"],
    )
    fact_path: str | None = parameter(
        "The folder of the node's own `*.fact` files: JSON, INI, or programs that print either; "
        "absent: /etc/ansible/facts.d.",
        default=None,
        kind="path",
    )
    filter: list[str] = parameter("Only facts whose names match one of these patterns.", default=[])


def groups_of(subsets: Iterable[str]) -> tuple[str, ...]:
    """Return the groups that Ansible's subsets mean, in the helper's order.

    Raises:
        ModuleError: a subset that does not exist.
    """
    wanted: set[str] = set()
    unwanted: set[str] = set()
    explicit: set[str] = set()
    everything = positive = False
    minimum = True
    for written in subsets:
        name = written.strip().removeprefix("!")
        no = written.strip().startswith("!")
        if name in ELSEWHERE and no:
            continue
        if name not in SUBSETS:
            from hivectl.model.suggestions import nearest

            near = nearest(name, SUBSETS)
            raise ModuleError(
                f"there is no subset {name!r} of facts", hint=f"did you mean {near!r}?" if near else None
            )
        if no and name == "all":
            unwanted.update(set(FACT_GROUPS) - set(MINIMUM))
        elif no:
            minimum = minimum and name != "min"
            unwanted.update(SUBSETS[name])
        else:
            positive = True
            everything = everything or name == "all"
            wanted.update(SUBSETS[name])
            if name != "all":
                explicit.update(SUBSETS[name])
    if everything or not positive:
        wanted.update(FACT_GROUPS)
    if minimum:
        wanted.update(MINIMUM)
    wanted = (wanted - unwanted) | explicit
    return tuple(group for group in FACT_GROUPS if group in wanted)


def operations(parameters: Parameters, _context: TaskContext) -> Sequence[Operation]:
    """Return the one Facts."""
    return (Facts(groups=groups_of(parameters.gather_subset), fact_path=parameters.fact_path),)


def result(parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Give the facts the names that variables have, and keep what the filter asks for."""
    merged = merge_results(results)
    patterns = [pattern for pattern in parameters.filter if pattern]
    facts = {
        f"ansible_{name.removeprefix('ansible_')}": value
        for name, value in merged.get("ansible_facts", {}).items()
    }
    if patterns:
        facts = {
            name: value
            for name, value in facts.items()
            if any(
                fnmatchcase(name, pattern) or fnmatchcase(name, f"ansible_{pattern}") for pattern in patterns
            )
        }
    return {**merged, "ansible_facts": facts} if "ansible_facts" in merged else merged


MODULE = Module(
    name="setup",
    summary="What a node is: facts as ansible_* variables",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.RUN}),
    alternative=frozenset({Capability.FILES, Capability.REPL}),
    example="""\
- name: Its addresses
  setup:
    gather_subset: ["!all", network]
    filter: ansible_default_ipv4
""",
    check_mode="always",
    returns={"ansible_facts": "the facts"},
)
