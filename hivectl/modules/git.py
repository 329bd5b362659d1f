"""`git`: a copy of a git repository at a version."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Git, ItemResult, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, contradictions, merge_results
from hivectl.modules.commands import environment_of, with_lines


@record(kw_only=True)
class Parameters:
    """What `git` takes."""

    REFUSED: ClassVar[Mapping[str, str]] = {
        "gpg_allowlist": "leave it out: gpg of the node says which keys are trusted",
        "gpg_whitelist": "leave it out: gpg of the node says which keys are trusted",
    }

    repo: str | Secret = parameter("Address of the repository, or a path on the node.", aliases=("name",))
    dest: str | None = parameter(
        "Where the copy is; may be left out with `clone: false`.", default=None, kind="path"
    )
    version: str = parameter("Branch, tag or commit; HEAD is the default branch.", default="HEAD")
    remote: str = parameter("What the copy calls the other side.", default="origin")
    refspec: str | None = parameter("What is fetched besides.", default=None)
    reference: str | None = parameter("A repository on the node to borrow objects from.", default=None)
    depth: int | None = parameter("Commits of history, at least 1; absent: all.", default=None)
    force: bool = parameter("Whether local modifications are thrown away.", default=False)
    clone: bool = parameter("Whether a missing copy is made.", default=True)
    update: bool = parameter("Whether a copy that is there is brought up to date.", default=True)
    bare: bool = parameter("Whether the copy is a bare repository.", default=False)
    recursive: bool = parameter("Whether submodules come too.", default=True)
    single_branch: bool = parameter("Whether only the branch of `version` is cloned.", default=False)
    track_submodules: bool = parameter(
        "Whether submodules are at their branches' ends, not at the recorded commits.", default=False
    )
    verify_commit: bool = parameter(
        "Whether the commit must be signed by a key that gpg trusts.", default=False
    )
    separate_git_dir: str | None = parameter(
        "Where the repository itself is kept, apart from the working tree.", default=None, kind="path"
    )
    archive: str | None = parameter(
        "File on the node that gets the version: .zip, .tar, .tar.gz or .tgz.", default=None, kind="path"
    )
    archive_prefix: str | None = parameter("Put before each path in the archive.", default=None)
    accept_hostkey: bool = parameter(
        "Whether any host key of the other side is taken. Dangerous.", default=False
    )
    accept_newhostkey: bool = parameter("Whether a host key that is not known yet is taken.", default=False)
    key_file: str | None = parameter("Private key on the node for ssh.", default=None, kind="path")
    ssh_opts: str | None = parameter("More options for ssh.", default=None)
    executable: str | None = parameter("git itself.", default=None, kind="path")
    umask: str | None = parameter("Umask for the copy, octal, in quotes.", default=None, example="0022")


def complaint(parameters: Parameters) -> str | None:
    """Return what contradicts itself or is missing, or None."""
    faults = {
        "`dest` is needed, unless `clone` is false": parameters.dest is None and parameters.clone,
        "only one of `separate_git_dir` and `bare` can be given": (
            parameters.separate_git_dir is not None and parameters.bare
        ),
        "only one of `accept_hostkey` and `accept_newhostkey` can be given": (
            parameters.accept_hostkey and parameters.accept_newhostkey
        ),
        "`archive_prefix` needs `archive`": parameters.archive_prefix is not None
        and parameters.archive is None,
        "`depth` is at least 1": parameters.depth is not None and parameters.depth < 1,
        "`version` is no option": parameters.version.startswith("-"),
    }
    if (fault := next((fault for fault, holds in faults.items() if holds), None)) is not None:
        return fault
    try:
        int(parameters.umask or "0", 8)
    except ValueError:
        return f"`umask` is octal: {parameters.umask}"
    return None


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Git.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    if (message := complaint(parameters)) is not None:
        raise ModuleError(message, origin=context.origin)
    keys: Literal["no", "accept-new"] | None = "accept-new" if parameters.accept_newhostkey else None
    return (
        Git(
            repository=parameters.repo,
            path=parameters.dest,
            version=parameters.version,
            remote=parameters.remote,
            refspec=parameters.refspec,
            reference=parameters.reference,
            depth=parameters.depth,
            force=parameters.force,
            clone=parameters.clone,
            update=parameters.update,
            bare=parameters.bare,
            recursive=parameters.recursive,
            single_branch=parameters.single_branch,
            track_submodules=parameters.track_submodules,
            verify_commit=parameters.verify_commit,
            separate_git_dir=parameters.separate_git_dir,
            archive=parameters.archive,
            archive_prefix=parameters.archive_prefix,
            host_keys="no" if parameters.accept_hostkey else keys,
            key_file=parameters.key_file,
            ssh_opts=parameters.ssh_opts,
            executable=parameters.executable,
            umask=parameters.umask,
            environment=environment_of(context),
        ),
    )


def result(_parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Add the lines of what git said."""
    return with_lines(merge_results(results))


MODULE = Module(
    name="git",
    summary="A copy of a git repository at a version",
    parameters=Parameters,
    faults=contradictions(complaint),
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: The capture program
  git:
    repo: https://git.lab.example/capture.git
    dest: /opt/capture
    version: v2.1
""",
    returns={
        "before": "the commit that was there",
        "after": "the commit that is there",
        "remote_url_changed": "whether the address was another",
        "submodules_changed": "whether submodules have moved",
        "archive": "the archive, if it was written",
    },
)
