"""`shell`: a line for a shell on the node."""

from collections.abc import Sequence

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Operation, Run
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, TaskContext
from hivectl.modules.commands import (
    RETURNS,
    CommandParameters,
    command_result,
    environment_of,
    wanted,
    written,
)


@record(kw_only=True)
class Parameters(CommandParameters):
    """What `shell` takes."""

    executable: str | None = parameter(
        "Absolute path of the shell on the node; absent: /bin/sh.",
        default=None,
        kind="path",
        example="/bin/bash",
    )


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Run that the task asks for."""
    what = wanted(parameters, context, executable=parameters.executable)
    return (
        Run(
            script=what.text,
            shell=what.executable or "/bin/sh",
            directory=what.chdir,
            creates=what.creates,
            removes=what.removes,
            stdin=what.stdin,
            environment=environment_of(context),
            strip=what.strip,
        ),
    )


MODULE = Module(
    name="shell",
    summary="Run a line by a shell",
    parameters=Parameters,
    operations=operations,
    result=command_result,
    capabilities=frozenset({Capability.RUN}),
    free_form="free_form",
    example="""\
- name: Count the lines that complain
  shell: grep -c error /var/log/syslog | tee errors.txt
  args:
    chdir: /tmp
    executable: /bin/bash
""",
    returns=RETURNS,
    written=written,
)
