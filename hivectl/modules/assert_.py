"""`assert`: conditions that must hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from hivectl.model.errors import HivectlError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.modules.base import Module, ModuleError, Result, TaskContext


@record(kw_only=True)
class Parameters:
    """What `assert` takes."""

    that: Any = parameter("One condition or a list of them, written as in `when`.", kind="template")
    fail_msg: Any = parameter(
        "What is said when one does not hold: a text or a list of texts.",
        default=None,
        kind="raw",
        aliases=("msg",),
    )
    success_msg: Any = parameter(
        "What is said when all hold: a text or a list of texts.", default=None, kind="raw"
    )
    quiet: bool = parameter("Whether less is said; taken as Ansible takes it.", default=False)


def decide(parameters: Parameters, context: TaskContext) -> Result:
    """Evaluate the conditions in their order, up to the first that does not hold.

    Raises:
        ModuleError: a message that is no text.
        InputError: a condition cannot be evaluated, or is not a bool.
    """
    conditions = parameters.that if isinstance(parameters.that, list | tuple) else [parameters.that]
    failure = _message(parameters.fail_msg, "fail_msg", "Assertion failed", context)
    success = _message(parameters.success_msg, "success_msg", "All assertions passed", context)
    for condition in conditions:
        if isinstance(condition, Mapping | Sequence) and not isinstance(condition, str):
            raise ModuleError("a condition is a text, not a list or mapping", origin=context.origin)
        if not context.evaluate(condition):
            return {
                "changed": False,
                "failed": True,
                "msg": failure,
                "assertion": condition,
                "evaluated_to": False,
            }
    return {"changed": False, "msg": success}


def _message(given: object, name: str, default: str, context: TaskContext) -> object:
    if given is None:
        return default
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(text, str) for text in texts):
        raise ModuleError(f"`{name}` is a text or a list of texts", origin=context.origin)
    return given


def written(arguments: Mapping[str, Any]) -> Mapping[str, HivectlError]:
    """Return what is wrong with an assertion that asserts nothing, as it is written; a template may give none."""
    if arguments.get("that") != []:
        return {}
    return {"that": ModuleError("`that` holds no condition", hint="write one, or leave the task out")}


MODULE = Module(
    name="assert",
    summary="Conditions that must hold",
    parameters=Parameters,
    decide=decide,
    written=written,
    example="""\
- name: Large enough
  assert:
    that:
      - index > 0
      - inventory_hostname is defined
    fail_msg: this node has no place in its range
""",
    check_mode="always",
    returns={"assertion": "the condition that did not hold", "evaluated_to": "false", "msg": "the message"},
)
