"""`raw`: a line for the login's shell, with nothing prepared on the node: no Python, no helper."""

import shlex
from collections.abc import Mapping
from typing import Any

from hivectl.drivers.base import Capability, Command
from hivectl.model.errors import HivectlError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.templates import is_template
from hivectl.modules.base import Module, ModuleError, NodeContext, Result
from hivectl.modules.commands import as_text, environment_of, reveal_text, with_lines
from hivectl.modules.free_form import split_options


@record(kw_only=True)
class Parameters:
    """What `raw` takes."""

    free_form: str = parameter("The command line, as it is.", kind="template")
    executable: str | None = parameter(
        "Absolute path of the shell that runs it; absent: the login's.", default=None, kind="path"
    )


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Run the line by the connection's own means."""
    raw, options = split_options(parameters.free_form, ("executable",))
    line = reveal_text(as_text(context.render(raw)))
    if not line.strip():
        raise ModuleError("no command given", origin=context.origin)
    executable = parameters.executable
    if "executable" in options:
        executable = reveal_text(as_text(context.render(options["executable"])))
    if executable:
        line = f"{shlex.quote(executable)} -c {shlex.quote(line)}"
    connection = await context.connection(Capability.RUN)
    completed = await connection.run(
        Command(command=line, environment=environment_of(context)), context.become
    )
    result: Result = {
        "changed": True,
        "rc": completed.rc,
        "stdout": completed.stdout.decode(errors="surrogateescape"),
        "stderr": completed.stderr.decode(errors="surrogateescape"),
    }
    if completed.rc != 0:
        result["failed"] = True
    return with_lines(result)


def written(arguments: Mapping[str, Any]) -> Mapping[str, HivectlError]:
    """Return what is wrong with a line that is empty as it is written."""
    text = arguments.get("free_form")
    if not isinstance(text, str) or is_template(text) or split_options(text, ("executable",))[0].strip():
        return {}
    return {"free_form": ModuleError("no command given", hint="write `raw: uptime`, or leave the task out")}


MODULE = Module(
    name="raw",
    summary="Run a line by the login's shell, where a node has neither Python nor a helper",
    parameters=Parameters,
    procedure=procedure,
    capabilities=frozenset({Capability.RUN}),
    free_form="free_form",
    example="""\
- name: Bring Python to a bare node
  raw: apt-get install -y python3
""",
    check_mode="none",
    repeatable=False,
    written=written,
    returns={
        "rc": "exit code",
        "stdout": "standard output",
        "stdout_lines": "standard output, by lines",
        "stderr": "standard error",
        "stderr_lines": "standard error, by lines",
    },
)
