"""`program` on boards: the one program that a board runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Capability
from hivectl.micropython import main_program
from hivectl.micropython.main_program import BoardProgram, ProgramSeen
from hivectl.modules.base import ModuleError
from hivectl.modules.commands import reveal_text

if TYPE_CHECKING:
    from hivectl.drivers.base import BoardConnection
    from hivectl.modules.base import NodeContext, Result
    from hivectl.modules.program import Parameters

# seconds for a board whose interpreter was started anew to be reached again
RECONNECT_SECONDS = 60.0
TAIL = 20
# parameter -> what a board has in its place
LACKING = {
    "command": "give `script`: a program of MicroPython",
    "interpreter": "its interpreter is MicroPython",
    "environment": "give `args`, which are in sys.argv",
    "stop_timeout": "a program is stopped by Ctrl-C, for as long as the connection's `enter_timeout`",
}


async def procedure(parameters: Parameters, context: NodeContext, board: BoardConnection) -> Result:
    """Look, and start or stop the program if that is needed.

    Raises:
        ModuleError: parameters that have no meaning on a board.
        NodeError: as `hivectl.micropython.main_program.start`.
    """
    name, wanted = parameters.name, parameters.state
    program = _program(parameters, context) if wanted in ("started", "restarted") else None
    before = await main_program.status(board, name)
    same = (
        program is not None
        and before.fingerprint == program.fingerprint
        and before.boot == program.boot
        and before.state == "started"
    )
    if program is None:
        changes = (
            before.state == "started" or before.boot if wanted == "stopped" else before.state != "absent"
        )
    else:
        changes = wanted == "restarted" or not same
    if context.check or not changes:
        after = before
    elif program is not None:
        main_program.refuse_foreign(before, program, context.node)
        after = await _started(program, parameters, context, board)
    elif wanted == "stopped":
        after = await main_program.stop(board, name, reconnect=lambda: _reconnect(context))
    else:
        after = await main_program.remove(board, name, reconnect=lambda: _reconnect(context))
    left = not before.live and not (before.boot and board.resumes)
    if program is not None and same and not changes and left and not context.check:
        # our look has interrupted it, and nothing else starts it again
        after = await _started(program, parameters, context, board)
    if context.check and changes:
        if program is not None:
            main_program.refuse_foreign(before, program, context.node)
        return _with_diff({"changed": True, "name": name, "state": wanted}, before, context)
    result = _with_diff(_report(after, changed=changes), before, context)
    if program is not None and after.exit_status:
        result["failed"] = True
        said = result["output"] or "no output"
        result["msg"] = f"{name} ended at once with exit status {after.exit_status}: {said}"
    return result


async def _started(
    program: BoardProgram, parameters: Parameters, context: NodeContext, board: BoardConnection
) -> ProgramSeen:
    return await main_program.start(
        board, program, reconnect=lambda: _reconnect(context), settle=parameters.settle
    )


async def _reconnect(context: NodeContext) -> BoardConnection:
    await context.reconnect(deadline=RECONNECT_SECONDS)
    # every connection with this capability has a REPL
    board: Any = await context.connection(Capability.REPL)
    return board  # type: ignore[no-any-return]  # so it is


def _program(parameters: Parameters, context: NodeContext) -> BoardProgram:
    """Return what is to run; raises ModuleError."""
    lacking = {
        "command": parameters.command is not None,
        "interpreter": parameters.interpreter is not None,
        "environment": bool(parameters.environment) or bool(context.environment),
        "stop_timeout": parameters.stop_timeout != 10,
    }
    for name, given in lacking.items():
        if given:
            raise ModuleError(
                f"a program of a board has no `{name}`", origin=context.origin, hint=LACKING[name]
            )
    assert parameters.script is not None
    path = context.find_file(parameters.script)
    if path.is_dir():
        raise ModuleError(
            f"{path} is a folder", origin=context.origin, hint="`sync` it to /lib, and give one file here"
        )
    directory = parameters.directory
    return BoardProgram(
        name=parameters.name,
        script=path.read_bytes(),
        args=tuple(reveal_text(word) for word in parameters.args),
        directory="/" + directory.removeprefix("~").strip("/"),
        log=None if parameters.log is None else "/" + parameters.log.removeprefix("~").lstrip("/"),
        boot=parameters.boot is not False,
    )


def _report(seen: ProgramSeen, *, changed: bool) -> Result:
    result: Result = {"changed": changed, "name": seen.name, "state": seen.state}
    if seen.state == "absent":
        return result
    lines = seen.output.strip("\n").splitlines()
    result |= {"since": seen.since, "log": seen.log, "output": "\n".join(lines[-TAIL:]), "boot": seen.boot}
    if seen.exit_status is not None:
        result["exit_status"] = seen.exit_status
    return result


def _with_diff(result: Result, before: ProgramSeen, context: NodeContext) -> Result:
    if not context.diff:
        return result
    running = result["state"] in ("started", "restarted")
    anew = ", anew" if before.state == "started" and running and result["changed"] else ""
    replaced = f"program: {before.other}\n" if before.other is not None and running else ""
    return {
        **result,
        "diff": {
            "before": f"{replaced}state: {before.state}\n",
            "after": f"state: {'started' if running else result['state']}{anew}\n",
        },
    }
