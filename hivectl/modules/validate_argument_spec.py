"""`validate_argument_spec`: checks variables against a role's `argument_specs`; roles that have one begin with it."""

from collections.abc import Mapping
from typing import Any

from hivectl.model.argument_specs import argument_faults
from hivectl.model.origin import Origin
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.variables import Scope
from hivectl.model.yaml import origin_of
from hivectl.modules.base import Module, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `validate_argument_spec` takes."""

    argument_spec: Mapping[str, Any] = parameter(
        "Argument to what is known of it: type, required, choices, options ...", kind="template"
    )
    provided_arguments: Mapping[str, Any] = parameter("Values that count before the variables.", default={})
    validate_args_context: Mapping[str, Any] = parameter("What it is for: `name` of the role.", default={})


def decide(parameters: Parameters, context: TaskContext) -> Result:
    """Return all that is wrong with the arguments, each with the place where it was written."""
    role = parameters.validate_args_context.get("name")
    given, variables = parameters.provided_arguments, context.variables

    def value_of(name: str) -> tuple[bool, Any, Origin | None]:
        if name in given:
            return True, given[name], origin_of(given, name)
        if name not in variables:
            return False, None, None
        sources = variables.explain(name) if isinstance(variables, Scope) else ()
        return True, variables[name], sources[0].origin if sources else None

    what = f"role {role}" if role else "arguments"
    faults = list(argument_faults(parameters.argument_spec, value_of, what=what, origin=context.origin))
    about = {"validate_args_context": dict(parameters.validate_args_context)}
    if not faults:
        return {"changed": False, "msg": "The arg spec validation passed", **about}
    errors = [str(fault) for fault in faults]
    return {
        "changed": False,
        "failed": True,
        "msg": "\n".join(["Validation of arguments failed:", *errors]),
        "argument_errors": errors,
        **about,
    }


MODULE = Module(
    name="validate_argument_spec",
    summary="Checks variables against a role's argument_specs",
    parameters=Parameters,
    decide=decide,
    example="""\
- name: What the pump needs to know
  validate_argument_spec:
    argument_spec:
      pump_rate: {type: int, required: true}
""",
    check_mode="always",
    returns={"argument_errors": "what is wrong, each with its place"},
)
