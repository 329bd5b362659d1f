"""`debug`: a word or a variable, shown."""

from typing import Any

from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext

UNDEFINED = "VARIABLE IS NOT DEFINED!"


@record(kw_only=True)
class Parameters:
    """What `debug` takes."""

    msg: Any = parameter("What is shown.", default=None, kind="raw")
    var: str | None = parameter(
        "The name of a variable, or an expression, without braces.", default=None, kind="template"
    )
    verbosity: int = parameter("Shown only with this many -v, or more.", default=0)


def decide(parameters: Parameters, context: TaskContext) -> Result:
    """Return the message, or the variable under its name.

    Raises:
        ModuleError: both `msg` and `var`.
        InputError: an expression that cannot be evaluated.
    """
    if parameters.msg is not None and parameters.var is not None:
        raise ModuleError("only one of `msg` and `var` can be given", origin=context.origin)
    if parameters.verbosity > int(context.variables.get("ansible_verbosity", 0)):
        return {"changed": False, "skipped": True, "skipped_reason": "Verbosity threshold not met."}
    if parameters.var is None:
        return {"changed": False, "msg": "Hello world!" if parameters.msg is None else parameters.msg}
    return {"changed": False, parameters.var: _value(parameters.var, context)}


def _value(expression: str, context: TaskContext) -> object:
    from hivectl.model.templating.errors import UndefinedVariableError

    template = expression if "{{" in expression else "{{ " + expression + " }}"
    try:
        return context.render(template)
    except UndefinedVariableError:  # to look whether something is defined is what debug is for
        return UNDEFINED


MODULE = Module(
    name="debug",
    summary="Show a word or a variable",
    parameters=Parameters,
    decide=decide,
    example="""\
- name: What came back
  debug:
    var: uptime.stdout
""",
    check_mode="always",
    returns={"msg": "the message"},
)
