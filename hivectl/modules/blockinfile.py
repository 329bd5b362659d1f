"""`blockinfile`: some lines of a text file, between two marker lines."""

from collections.abc import Sequence
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Edit, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.attributes import EDIT_RETURNS, EditParameters, attributes_of
from hivectl.modules.base import Module, ModuleError, TaskContext


@record(kw_only=True)
class Parameters(EditParameters):
    """What `blockinfile` takes."""

    state: str = parameter(
        "Whether the block shall be there.", default="present", choices=("absent", "present")
    )
    block: str | Secret = parameter(
        "The lines between the markers; without any the block is removed.", default="", aliases=("content",)
    )
    marker: str = parameter(
        "The marker lines; {mark} becomes `marker_begin` and `marker_end`.",
        default="# {mark} ANSIBLE MANAGED BLOCK",
    )
    marker_begin: str = parameter("What {mark} is in the first marker line.", default="BEGIN")
    marker_end: str = parameter("What {mark} is in the last marker line.", default="END")
    insertafter: str | None = parameter(
        "Where a new block goes: behind the last line that matches, or EOF.", default=None
    )
    insertbefore: str | None = parameter(
        "Where a new block goes: before the last line that matches, or BOF.", default=None
    )
    create: bool = parameter("Whether the file is made if it is absent.", default=False)
    append_newline: bool = parameter("Whether an empty line follows the block.", default=False)
    prepend_newline: bool = parameter("Whether an empty line stands before the block.", default=False)


EDITING = (
    "state",
    "block",
    "marker",
    "marker_begin",
    "marker_end",
    "insertafter",
    "insertbefore",
    "append_newline",
    "prepend_newline",
)


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Edit.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    if parameters.insertafter is not None and parameters.insertbefore is not None:
        raise ModuleError("only one of `insertafter` and `insertbefore` can be given", origin=context.origin)
    arguments: dict[str, Any] = {name: getattr(parameters, name) for name in EDITING}
    return (
        Edit(
            path=parameters.path,
            edit="block",
            arguments=arguments,
            create=parameters.create,
            backup=parameters.backup,
            validate=parameters.validate,
            attributes=attributes_of(parameters),
        ),
    )


MODULE = Module(
    name="blockinfile",
    summary="Some lines of a text file, between two marker lines",
    parameters=Parameters,
    operations=operations,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: The lab's nodes by name
  blockinfile:
    path: /etc/hosts
    block: |
      10.0.0.21 pico1
      10.0.0.22 pico2
    marker: "# {mark} lab"
""",
    returns={"msg": "Block inserted, Block removed or File created", **EDIT_RETURNS},
)
