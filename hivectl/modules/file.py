"""`file`: a file, directory or link with its attributes, or nothing at all."""

from collections.abc import Sequence

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Directory, ItemResult, Link, Operation, Remove, Touch
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.attributes import FILE_RETURNS, AttributeParameters, attributes_of
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, merge_results

STATES = ("absent", "directory", "file", "hard", "link", "touch")


@record(kw_only=True)
class Parameters(AttributeParameters):
    """What `file` takes."""

    path: str = parameter("The path on the node.", aliases=("dest", "name"), kind="path")
    state: str | None = parameter(
        "What shall be there; absent: a directory with `recurse`, else what is there already.",
        default=None,
        choices=STATES,
    )
    src: str | None = parameter("What a link points at.", default=None, kind="path")
    recurse: bool = parameter("Whether everything inside a directory gets the attributes too.", default=False)
    force: bool = parameter("Whether a link replaces what is there, and may point at nothing.", default=False)
    follow: bool = parameter("Whether a link at `path` is followed.", default=True)
    access_time: str | None = parameter(
        "Time of last access: preserve, now, or a time in `access_time_format`.", default=None
    )
    access_time_format: str = parameter("How `access_time` is written.", default="%Y%m%d%H%M.%S")
    modification_time: str | None = parameter(
        "Time of last change: preserve, now, or a time in `modification_time_format`.", default=None
    )
    modification_time_format: str = parameter("How `modification_time` is written.", default="%Y%m%d%H%M.%S")


def state_of(parameters: Parameters) -> str | None:
    """Return the state that is asked for; None leaves the kind of file as it is."""
    return "directory" if parameters.state is None and parameters.recurse else parameters.state


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one operation of the state.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    state = state_of(parameters)
    if parameters.recurse and state != "directory":
        raise ModuleError(
            "`recurse` needs state: directory", origin=context.origin, hint=f"the state is {state}"
        )
    if parameters.src is not None and state not in ("link", "hard"):
        raise ModuleError("`src` needs state: link or hard", origin=context.origin)
    attributes = attributes_of(parameters)
    if state == "absent":
        return (Remove(path=parameters.path),)
    if state == "directory":
        return (
            Directory(
                path=parameters.path,
                attributes=attributes,
                recurse=parameters.recurse,
                follow=parameters.follow,
            ),
        )
    if state in ("link", "hard"):
        return (
            Link(
                path=parameters.path,
                source=parameters.src,
                hard=state == "hard",
                force=parameters.force,
                follow=parameters.follow,
                attributes=attributes,
            ),
        )
    return (
        Touch(
            path=parameters.path,
            make=state == "touch",
            regular=state == "file",
            follow=parameters.follow,
            attributes=attributes,
            access_time=parameters.access_time,
            access_time_format=parameters.access_time_format,
            modification_time=parameters.modification_time,
            modification_time_format=parameters.modification_time_format,
        ),
    )


def result(parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Add where the path is under the names that Ansible gives it."""
    merged = merge_results(results)
    state = state_of(parameters)
    merged.setdefault("dest" if state in ("link", "hard", "touch") else "path", parameters.path)
    if state in ("link", "hard") and parameters.src is not None:
        merged.setdefault("src", parameters.src)
    return merged


MODULE = Module(
    name="file",
    summary="A file, directory or link with its attributes, or nothing there",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: A folder for captures
  file:
    path: /srv/captures
    state: directory
    mode: "0750"
""",
    returns={"path": "the path", "dest": "the path, for links and touch", **FILE_RETURNS},
)
