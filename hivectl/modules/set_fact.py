"""`set_fact`: variables of the node for the rest of the run."""

from collections.abc import Mapping
from typing import Any

from hivectl.model.errors import HivectlError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.templates import is_template
from hivectl.modules.base import Module, ModuleError, Result, TaskContext

# values of templates, not names
CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})


@record(kw_only=True)
class Parameters:
    """What `set_fact` takes."""

    facts: Mapping[str, Any] = parameter(
        "Every other key: a variable and its value.", default={}, kind="rest"
    )
    cacheable: bool = parameter("Under `ansible_facts` too; nothing is kept beyond the run.", default=False)


def decide(parameters: Parameters, context: TaskContext) -> Result:
    """Return the variables as facts.

    Raises:
        ModuleError: no variable, or a name that no template could use.
    """
    if not parameters.facts:
        raise ModuleError("no variable given", origin=context.origin, hint="write `set_fact: {name: value}`")
    for name in parameters.facts:
        if (fault := wrong_name(name)) is not None:
            fault.origin = context.origin
            raise fault
    result: Result = {"changed": False, "ansible_facts": dict(parameters.facts)}
    return {**result, "_ansible_facts_cacheable": True} if parameters.cacheable else result


def written(arguments: Mapping[str, Any]) -> Mapping[str, HivectlError]:
    """Return the names that no variable can have, but for those that are templates."""
    names = [name for name in arguments if name != "cacheable"]
    if not names:
        return {"": ModuleError("no variable given", hint="write `set_fact: {name: value}`")}
    faults = {name: wrong_name(name) for name in names if not is_template(name)}
    return {name: fault for name, fault in faults.items() if fault is not None}


def wrong_name(name: object) -> ModuleError | None:
    """Return why nothing can be called so, None where it can."""
    if isinstance(name, str) and name.isidentifier() and name.isascii() and name not in CONSTANTS:
        return None
    hint = "letters, digits and underscores, not beginning with a digit"
    return ModuleError(f"{name!r} cannot be a variable's name", hint=hint)


MODULE = Module(
    name="set_fact",
    summary="Variables of the node for the rest of the run",
    parameters=Parameters,
    decide=decide,
    written=written,
    example="""\
- name: Where captures go
  set_fact:
    captures: "/srv/captures/{{ inventory_hostname }}"
""",
    check_mode="always",
    returns={"ansible_facts": "the variables"},
)
