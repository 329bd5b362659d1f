"""`command`: a program and its arguments, without a shell."""

from collections.abc import Sequence

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Operation, Run
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.base import Module, ModuleError, TaskContext
from hivectl.modules.commands import (
    RETURNS,
    CommandParameters,
    command_result,
    environment_of,
    split_command,
    wanted,
    written,
)


@record(kw_only=True)
class Parameters(CommandParameters):
    """What `command` takes."""

    argv: list[str | Secret] | None = parameter(
        "The program and its arguments as a list, so that nothing needs quoting.", default=None
    )
    expand_argument_vars: bool = parameter(
        "Whether `~` and `$NAME` in arguments are replaced by the node's values.", default=True
    )


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Run that the task asks for."""
    if parameters.argv is not None and parameters.cmd is not None:
        raise ModuleError("only one of `argv` and `cmd` can be given", origin=context.origin)
    if parameters.argv is not None and not parameters.argv:
        raise ModuleError("no command given: `argv` is empty", origin=context.origin)
    what = wanted(parameters, context, executable=None, other=parameters.argv is not None)
    if what.executable is not None:
        raise ModuleError(
            "`command` runs no shell, so it has no `executable`", origin=context.origin, hint="use `shell`"
        )
    argv = tuple(parameters.argv or ()) if what.text is None else split_command(what.text)
    return (
        Run(
            argv=argv,
            directory=what.chdir,
            creates=what.creates,
            removes=what.removes,
            stdin=what.stdin,
            environment=environment_of(context),
            strip=what.strip,
            expand=parameters.expand_argument_vars,
        ),
    )


MODULE = Module(
    name="command",
    summary="Run a program, without a shell",
    parameters=Parameters,
    operations=operations,
    result=command_result,
    capabilities=frozenset({Capability.RUN}),
    free_form="free_form",
    example="""\
- name: Unpack once
  command: tar xf /opt/data.tar creates=/opt/data
  args:
    chdir: /opt
""",
    returns=RETURNS,
    written=written,
)
