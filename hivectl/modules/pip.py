"""`pip`: Python packages, in a virtual environment or not."""

from collections.abc import Sequence
from typing import Literal, cast

from hivectl.drivers.base import Capability
from hivectl.helper.operations import ItemResult, Operation, Pip
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, merge_results
from hivectl.modules.commands import environment_of, with_lines

State = Literal["present", "latest", "forcereinstall", "absent"]
STATES = ("absent", "forcereinstall", "latest", "present")
OPERATORS = ("<", ">", "!", "=", "~")


@record(kw_only=True)
class Parameters:
    """What `pip` takes."""

    name: list[str] | None = parameter(
        "Packages, each perhaps with a version (`bokeh>1.0,<2`), or addresses of repositories.", default=None
    )
    version: str | None = parameter("Version of the one package in `name`.", default=None)
    requirements: str | None = parameter("A requirements file on the node.", default=None)
    state: str = parameter("What shall be of the packages.", default="present", choices=STATES)
    virtualenv: str | None = parameter(
        "A virtual environment; made if it is missing.", default=None, kind="path"
    )
    virtualenv_command: str = parameter(
        "What makes it; where there is no virtualenv, `python3 -m venv` does.",
        default="virtualenv",
        kind="path",
        example="python3 -m venv",
    )
    virtualenv_python: str | None = parameter("Interpreter of a new environment.", default=None)
    virtualenv_site_packages: bool = parameter(
        "Whether a new environment sees the system's packages.", default=False
    )
    executable: str | None = parameter(
        "pip itself, in place of a virtual environment.", default=None, kind="path"
    )
    extra_args: str | None = parameter("More words for pip.", default=None, example="--no-index")
    editable: bool = parameter("Whether a package is installed as a link to its source.", default=False)
    chdir: str | None = parameter("Where pip runs.", default=None, kind="path")
    umask: str | None = parameter("Umask for what is installed, octal.", default=None, example="022")
    break_system_packages: bool = parameter(
        "Whether pip may change what the system's package manager has installed.", default=False
    )


def requirements_of(names: Sequence[str]) -> list[str]:
    """Return whole requirements: a comma in a plain text has cut `bokeh>1.0,<2` in two."""
    found: list[str] = []
    for name in names:
        text = name.strip()
        if found and text.startswith(OPERATORS):
            found[-1] += "," + text
        elif text:
            found.append(text)
    return found


def complaint(parameters: Parameters, names: Sequence[str]) -> str | None:
    """Return what contradicts itself or is missing, or None."""
    version = parameters.version is not None
    faults = {
        "one of `name` and `requirements` is needed": not names and parameters.requirements is None,
        "only one of `name` and `requirements` can be given": (
            bool(names) and parameters.requirements is not None
        ),
        "only one of `executable` and `virtualenv` can be given": (
            parameters.executable is not None and parameters.virtualenv is not None
        ),
        "`version` does not go with state: latest": version and parameters.state == "latest",
        "`version` is for one package: write it beside each name": version and len(names) > 1,
        "the version is given twice": version and bool(names) and bool(set(names[0]) & set("<>=!~")),
    }
    if (fault := next((fault for fault, holds in faults.items() if holds), None)) is not None:
        return fault
    try:
        int(parameters.umask or "0", 8)
    except ValueError:
        return f"`umask` is octal: {parameters.umask}"
    return None


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Return the one Pip.

    Raises:
        ModuleError: parameters that contradict each other.
    """
    names = requirements_of(parameters.name or ())
    if (message := complaint(parameters, names)) is not None:
        raise ModuleError(message, origin=context.origin)
    if parameters.version is not None:
        version = parameters.version.strip()
        names[0] += f"=={version}" if version[:1].isdigit() else version
    return (
        Pip(
            packages=tuple(names),
            state=cast("State", parameters.state),  # the choices hold it
            version=parameters.version,
            requirements=parameters.requirements,
            virtualenv=parameters.virtualenv,
            virtualenv_command=parameters.virtualenv_command,
            virtualenv_python=parameters.virtualenv_python,
            virtualenv_site_packages=parameters.virtualenv_site_packages,
            executable=parameters.executable,
            extra_args=parameters.extra_args,
            editable=parameters.editable,
            chdir=parameters.chdir,
            umask=parameters.umask,
            break_system_packages=parameters.break_system_packages,
            environment=environment_of(context),
        ),
    )


def result(_parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Add the lines of what pip said."""
    return with_lines(merge_results(results))


MODULE = Module(
    name="pip",
    summary="Python packages",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.RUN}),
    example="""\
- name: What the capture script needs
  pip:
    name: [numpy, pyserial>=3.5]
    virtualenv: /opt/capture
""",
    returns={
        "cmd": "what was run",
        "name": "the packages",
        "version": "the version, if one was given",
        "requirements": "the requirements file, if one was given",
        "virtualenv": "the virtual environment",
        "stdout": "what pip said",
        "stderr": "what it complained of",
    },
)
