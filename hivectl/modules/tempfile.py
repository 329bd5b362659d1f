"""`tempfile`: a new file or directory that only its owner can read, under a name that nothing has."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.file_operations import Temporary
from hivectl.helper.operations import Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.attributes import FILE_RETURNS
from hivectl.modules.base import Module, ModuleError, TaskContext


@record(kw_only=True)
class Parameters:
    """What `tempfile` takes."""

    state: str = parameter("What is made.", default="file", choices=("directory", "file"))
    path: str | None = parameter(
        "Directory on the node to make it in; absent: its usual one.", default=None, kind="path"
    )
    prefix: str = parameter("How its name begins.", default="ansible.")
    suffix: str = parameter("How its name ends.", default="")


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Temporary.

    Raises:
        ModuleError: a prefix or suffix that is no part of a name.
    """
    for name in ("prefix", "suffix"):
        value = getattr(parameters, name)
        if "/" in value or "\0" in value:
            raise ModuleError(
                f"{name} must be a valid file name component, got {value!r}", origin=context.origin
            )
    return (
        Temporary(
            kind=cast("Literal['file', 'directory']", parameters.state),  # the choices hold it
            path=parameters.path,
            prefix=parameters.prefix,
            suffix=parameters.suffix,
        ),
    )


MODULE = Module(
    name="tempfile",
    summary="A new temporary file or directory",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: A folder to build in
  tempfile:
    state: directory
    suffix: .build
  register: build
""",
    check_mode="none",
    returns={"path": "where it is", **FILE_RETURNS},
)
