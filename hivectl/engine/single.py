"""One module on one node, without a playbook: for Python's faces and for commands that are modules by hand."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.engine.context import Context
from hivectl.model.errors import InputError
from hivectl.model.origin import Origin
from hivectl.model.parameters import convert
from hivectl.model.variables import Scope
from hivectl.modules.base import ModuleError, merge_results
from hivectl.modules.registry import find_module

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.engine.context import NodeAccess
    from hivectl.helper.operations import Become
    from hivectl.modules.base import Result


async def run_module(  # noqa: PLR0913  as many as a task has keywords
    name: str,
    arguments: Mapping[str, Any],
    *,
    node: str,
    access: NodeAccess,
    variables: Scope | None = None,
    folder: Path | None = None,
    become: Become | None = None,
    check: bool = False,
    diff: bool = False,
) -> Result:
    """Carry out one task; a failure is in its result, as in a run.

    Args:
        name: of the module; not one that needs all nodes of a play.
        arguments: as in a playbook; they are final, not rendered.
        node: who acts.
        access: the way to it.
        variables: of the node, for a module that renders something itself.
        folder: relative files are looked for here; absent: the working directory.
        become: whose rights it has.
        check: only say what would change.
        diff: show what changes.

    Raises:
        InputError, Complaints: the module is unknown, or the arguments are wrong.
        NodeError: the node cannot be reached, or does not do what it is asked.
    """
    module = find_module(name)
    if module.group is not None:
        raise InputError(f"`{name}` works on all nodes of a play at once, not on one")
    parameters = convert(module.parameters, arguments, what=module.name)
    if check and module.check_mode == "none":
        return {"changed": False, "skipped": True}
    if variables is None:
        from hivectl.model.templates import Templates

        variables = Scope(Templates(folder=folder or Path.cwd()))
    context = Context(
        node=node,
        variables=variables,
        origin=Origin("<python>", 1, 1),
        folders=(folder or Path.cwd(),),
        run=f"one-{secrets.token_hex(4)}",
        key=module.name,
        check=check and module.check_mode != "always",
        diff=diff,
        environment={},
        become=become,
        access=access,
        files={},
    )
    try:
        if module.decide is not None:
            return module.decide(parameters, context)
        if module.procedure is not None:
            return await module.procedure(parameters, context)
        assert module.operations is not None
        results = await context.operate(*module.operations(parameters, context))
        if module.result is not None:
            return module.result(parameters, results, context)
        return merge_results(results)
    except ModuleError as error:
        return {"changed": False, "failed": True, "msg": error.message}
