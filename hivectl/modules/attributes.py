"""The parameters of everything that has an owner, a group and a mode."""

from dataclasses import dataclass

from hivectl.helper.operations import Attributes
from hivectl.model.parameters import parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeParameters:
    """Owner, group and mode; absent ones stay as they are."""

    mode: str | None = parameter(
        "Permissions: octal in quotes, or symbolic.", default=None, kind="mode", example="0644"
    )
    owner: str | None = parameter("Name or number of the owner.", default=None)
    group: str | None = parameter("Name or number of the group.", default=None)


def attributes_of(parameters: AttributeParameters, *, mode: str | None = None) -> Attributes:
    """Return a task's attributes for an operation; `mode` is used in place of the parameter's, if given."""
    return Attributes(mode=mode or parameters.mode, owner=parameters.owner, group=parameters.group)


FILE_RETURNS = {
    "state": "what is there",
    "mode": "its permissions",
    "uid": "its owner's number",
    "gid": "its group's number",
    "owner": "its owner",
    "group": "its group",
    "size": "its size in bytes",
}
