"""Operations on files that only some playbooks need; a node learns each before the first batch that has one.

They belong to the closed set of operations.py, and to the version of its protocol.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from hivectl.helper.operations import Operation
from hivectl.model.records import record


@record(kw_only=True)
class Temporary(Operation):
    """A new file (mode 0600) or directory (0700) under a name that nothing had; in check mode nothing.

    Result: `changed: true`, `path`, `state`, `mode`, `uid`, `gid`, `owner`, `group`, `size`.

    Attributes:
        kind: what is made.
        path: directory to make it in, which must exist; `~` is expanded; None: $TMPDIR, else /tmp.
        prefix: how its name begins; eight random letters follow.
        suffix: how its name ends.
    """

    name: ClassVar[str] = "temporary"
    kind: Literal["file", "directory"] = "file"
    path: str | None = None
    prefix: str = "ansible."
    suffix: str = ""

    @property
    def idempotent(self) -> bool:
        """Each makes another one."""
        return False
