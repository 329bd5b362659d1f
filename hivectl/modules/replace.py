"""`replace`: every match of a pattern in a text file."""

from collections.abc import Sequence
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Edit, ItemResult, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.attributes import EDIT_RETURNS, EditParameters, attributes_of
from hivectl.modules.base import Module, Result, TaskContext, merge_results


@record(kw_only=True)
class Parameters(EditParameters):
    """What `replace` takes."""

    regexp: str = parameter("What is replaced; `^` and `$` are the ends of lines.")
    replace: str | Secret = parameter("What is put there; may use the groups of `regexp`.", default="")
    after: str | None = parameter("Only what follows the first match of this pattern.", default=None)
    before: str | None = parameter("Only what stands before the match of this pattern.", default=None)
    encoding: str = parameter("Encoding of the file.", default="utf-8")


def result(_parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Return the result of the one Edit, which Ansible's module calls `rc` 0."""
    merged = merge_results(results)
    return merged if merged.get("failed") else {"rc": 0, **merged}


EDITING = ("regexp", "replace", "after", "before", "encoding")


def operations(parameters: Parameters, _context: TaskContext) -> Sequence[Operation]:
    """Return the one Edit."""
    arguments: dict[str, Any] = {name: getattr(parameters, name) for name in EDITING}
    return (
        Edit(
            path=parameters.path,
            edit="replace",
            arguments=arguments,
            backup=parameters.backup,
            validate=parameters.validate,
            attributes=attributes_of(parameters),
        ),
    )


MODULE = Module(
    name="replace",
    summary="Every match of a pattern in a text file",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.FILES}),
    example="""\
- name: The new host name everywhere
  replace:
    path: /etc/hosts
    regexp: '(\\s+)old\\.lab\\.example(\\s|$)'
    replace: '\\1new.lab.example\\2'
""",
    returns={"msg": "how many replacements were made", "rc": "0", **EDIT_RETURNS},
)
