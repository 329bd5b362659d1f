"""Template files as far as they can be known to be wrong before any node is asked: their syntax, and unknown names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.errors import HivectlError
from hivectl.model.templates import is_template

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.model.playbook import Task
    from hivectl.model.templates import Templates

LARGEST = 1_000_000  # bytes; what is larger is not worth the wait


def check_template_file(templates: Templates, task: Task, folder: Path) -> list[HivectlError]:
    """Return what is wrong with the file of a `template` task; one that cannot be found yet is not complained of.

    Args:
        templates: of the validation.
        task: of the playbook.
        folder: the playbook's.
    """
    name = task.arguments.get("src")
    if task.module != "template" or not isinstance(name, str) or is_template(name):
        return []
    from hivectl.model.lookups.search import places
    from hivectl.modules.template import SYNTAX

    # what begins and ends a block is not rendered
    options: dict[str, Any] = {key: task.arguments[key] for key in SYNTAX if key in task.arguments}
    flags = ("trim_blocks", "lstrip_blocks")
    chosen = {key: value for key, value in options.items() if key not in flags and isinstance(value, str)}
    for path in places(name, task.folders or (folder,), "templates"):
        try:
            if not path.is_file() or path.stat().st_size > LARGEST:
                continue
            text = path.read_text("utf-8")
        except (OSError, ValueError):  # told when it is used
            return []
        try:
            templates.check_file(text, path, chosen)
        except HivectlError as error:
            return [error]
        return []
    return []
