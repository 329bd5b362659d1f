"""`lineinfile`: one line of a text file."""

from collections.abc import Sequence
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Edit, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.attributes import EditParameters, attributes_of
from hivectl.modules.base import Module, ModuleError, TaskContext, contradictions


@record(kw_only=True)
class Parameters(EditParameters):
    """What `lineinfile` takes."""

    state: str = parameter(
        "Whether the line shall be there.", default="present", choices=("absent", "present")
    )
    line: str | Secret | None = parameter("The line.", default=None, aliases=("value",))
    regexp: str | None = parameter(
        "Which line is replaced (the last that matches) or removed (all).", default=None, aliases=("regex",)
    )
    search_string: str | None = parameter("As `regexp`, but found as it is written.", default=None)
    backrefs: bool = parameter(
        "Whether `line` may use the groups of `regexp`; without a match nothing is changed.", default=False
    )
    insertafter: str | None = parameter(
        "Where a new line goes: behind the last line that matches, or EOF.", default=None
    )
    insertbefore: str | None = parameter(
        "Where a new line goes: before the last line that matches, or BOF.", default=None
    )
    firstmatch: bool = parameter("Whether the first match counts in place of the last.", default=False)
    create: bool = parameter("Whether the file is made if it is absent.", default=False)


EDITING = (
    "state",
    "line",
    "regexp",
    "search_string",
    "backrefs",
    "insertafter",
    "insertbefore",
    "firstmatch",
)


def complaint(parameters: Parameters) -> str | None:
    """Return what contradicts itself or is missing, or None."""
    present = parameters.state == "present"
    search = parameters.search_string is not None
    faults = {
        "only one of `regexp` and `search_string` can be given": search and parameters.regexp is not None,
        "only one of `insertafter` and `insertbefore` can be given": (
            parameters.insertafter is not None and parameters.insertbefore is not None
        ),
        "`line` is needed with state: present": present and parameters.line is None,
        "`backrefs` needs `regexp`, for only that has groups": (
            present and parameters.backrefs and parameters.regexp is None
        ),
        "one of `line`, `regexp` and `search_string` is needed with state: absent": (
            not present and not search and parameters.line is None and parameters.regexp is None
        ),
    }
    return next((fault for fault, holds in faults.items() if holds), None)


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Edit.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    if (message := complaint(parameters)) is not None:
        raise ModuleError(message, origin=context.origin)
    arguments: dict[str, Any] = {name: getattr(parameters, name) for name in EDITING}
    return (
        Edit(
            path=parameters.path,
            edit="line",
            arguments=arguments,
            create=parameters.create and parameters.state == "present",
            backup=parameters.backup,
            validate=parameters.validate,
            attributes=attributes_of(parameters),
        ),
    )


MODULE = Module(
    name="lineinfile",
    summary="One line of a text file",
    parameters=Parameters,
    faults=contradictions(complaint),
    operations=operations,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: No root by password
  lineinfile:
    path: /etc/ssh/sshd_config
    regexp: "^#?PermitRootLogin"
    line: PermitRootLogin prohibit-password
    validate: /usr/sbin/sshd -t -f %s
""",
    returns={"msg": "line added, line replaced, or how many were removed", "backup": "the old file, if kept"},
)
