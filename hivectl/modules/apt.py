"""`apt`: packages of Debian and its kin."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import ItemResult, Operation, Package
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, merge_results
from hivectl.modules.commands import environment_of, with_lines

State = Literal["present", "latest", "absent", "build-dep", "fixed"]
STATES = ("absent", "build-dep", "fixed", "latest", "present")
UPGRADES = ("dist", "full", "no", "safe", "yes")


@record(kw_only=True)
class Parameters:
    """What `apt` takes."""

    package: list[str] | None = parameter(
        "Names; `name=1.2*` for a version, `name>=1.2`, `na*me` for all that match, `*` with latest for everything.",
        default=None,
        aliases=("name", "pkg"),
    )
    state: str = parameter("What shall be of the packages.", default="present", choices=STATES)
    update_cache: bool | None = parameter(
        "Whether the lists of packages are fetched first.", default=None, aliases=("update-cache",)
    )
    cache_valid_time: int = parameter(
        "Seconds for which lists are new enough; given alone, it asks for them too.", default=0
    )
    update_cache_retries: int = parameter("How often the lists are tried to be fetched.", default=5)
    update_cache_retry_max_delay: int = parameter("Longest wait between two tries, in seconds.", default=12)
    deb: str | None = parameter(
        "A .deb file on the node, or its address; several with commas between.", default=None, kind="path"
    )
    upgrade: str = parameter(
        "yes and safe: all packages, removing none; full and dist: removing what is in the way.",
        default="no",
        choices=UPGRADES,
    )
    default_release: str | None = parameter(
        "Release that packages are taken from.", default=None, aliases=("default-release",)
    )
    install_recommends: bool | None = parameter(
        "Whether recommended packages come too; absent: as the node is set.",
        default=None,
        aliases=("install-recommends",),
    )
    dpkg_options: str = parameter(
        "Options of dpkg without their dashes, with commas between.", default="force-confdef,force-confold"
    )
    force: bool = parameter("Whether apt-get does what it warns of. Dangerous.", default=False)
    purge: bool = parameter("Whether configuration files go with removed packages.", default=False)
    autoremove: bool = parameter("Whether packages that nothing needs any more are removed.", default=False)
    autoclean: bool = parameter(
        "Whether archives that cannot be fetched any more are removed.", default=False
    )
    clean: bool = parameter("Whether all fetched archives are removed.", default=False)
    fail_on_autoremove: bool = parameter("Whether it fails where a package would be removed.", default=False)
    only_upgrade: bool = parameter("Whether what is not installed is left so.", default=False)
    allow_unauthenticated: bool = parameter(
        "Whether packages without a signature are taken.", default=False, aliases=("allow-unauthenticated",)
    )
    allow_downgrade: bool = parameter(
        "Whether an older version may replace a newer one.",
        default=False,
        aliases=("allow-downgrade", "allow_downgrades", "allow-downgrades"),
    )
    allow_change_held_packages: bool = parameter("Whether held packages may change.", default=False)
    lock_timeout: int = parameter("Seconds to wait for another process that holds apt's locks.", default=60)
    policy_rc_d: int | None = parameter(
        "Exit code of policy-rc.d meanwhile: 101 keeps services from starting.", default=None
    )
    force_apt_get: bool = parameter(
        "Ansible's choice between apt-get and aptitude: it is apt-get either way.", default=False
    )
    auto_install_module_deps: bool = parameter(
        "Ansible's need of python3-apt: nothing is needed on the node either way.", default=True
    )


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Package.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    given = [
        name
        for name, is_given in (
            ("deb", parameters.deb is not None),
            ("name", bool(parameters.package)),
            ("upgrade", parameters.upgrade != "no"),
        )
        if is_given
    ]
    if len(given) > 1:
        raise ModuleError(f"only one of {' and '.join(given)} can be given", origin=context.origin)
    if parameters.deb is not None and parameters.state != "present":
        raise ModuleError("`deb` is for state: present", origin=context.origin)
    if wrong := [name for name in parameters.package or () if name.count("=") > 1]:
        raise ModuleError(f"{wrong[0]} is no package with a version", origin=context.origin)
    return (
        Package(
            packages=tuple(parameters.package or ()),
            state=cast("State", parameters.state),  # the choices hold it
            update_cache=bool(parameters.update_cache),
            cache_valid_time=parameters.cache_valid_time,
            update_cache_retries=parameters.update_cache_retries,
            update_cache_retry_max_delay=parameters.update_cache_retry_max_delay,
            deb=parameters.deb,
            upgrade=cast("Literal['no', 'yes', 'safe', 'full', 'dist']", parameters.upgrade),
            default_release=parameters.default_release,
            install_recommends=parameters.install_recommends,
            dpkg_options=parameters.dpkg_options,
            force=parameters.force,
            purge=parameters.purge,
            autoremove=parameters.autoremove,
            autoclean=parameters.autoclean,
            clean=parameters.clean,
            fail_on_autoremove=parameters.fail_on_autoremove,
            only_upgrade=parameters.only_upgrade,
            allow_unauthenticated=parameters.allow_unauthenticated,
            allow_downgrade=parameters.allow_downgrade,
            allow_change_held_packages=parameters.allow_change_held_packages,
            lock_timeout=parameters.lock_timeout,
            policy_rc_d=parameters.policy_rc_d,
            environment=environment_of(context),
        ),
    )


def result(_parameters: object, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Add the lines of what apt-get said."""
    return with_lines(merge_results(results))


RETURNS = {
    "cache_updated": "whether the lists were fetched",
    "cache_update_time": "when they were fetched last, in seconds since 1970",
    "stdout": "what apt-get said",
    "stderr": "what it complained of",
}

MODULE = Module(
    name="apt",
    summary="Packages of Debian and its kin",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: The tools of the lab
  apt:
    name: [fpga-icestorm, tmux, python3-serial]
    update_cache: true
    cache_valid_time: 3600
""",
    returns=RETURNS,
)
