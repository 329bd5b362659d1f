"""`repl`: code on a MicroPython board, once, and the value that it leaves."""

import ast
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.micropython.errors import what_was_raised
from hivectl.micropython.outcome import Outcome
from hivectl.model.errors import HivectlError, InputError
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.base import Module, ModuleError, NodeContext, Result, named_source
from hivectl.modules.board_repl import attempt
from hivectl.modules.commands import reveal_text
from hivectl.modules.contents import text_of_file

# between what the code prints and its value: group separators (ASCII 29) are in no text of people's
MARK = "\x1dhivectl\x1d"
# says on the board why the code shall not run; the names are the function's own, the board's stay as they are
GUARD = """\
def _hivectl_guard(creates, removes, unless):
 import os
 def there(path):
  try:
   os.stat(path)
  except OSError:
   return False
  return True
 if creates is not None and there(creates):
  return "skipped, since " + creates + " exists"
 if removes is not None and not there(removes):
  return "skipped, since " + removes + " does not exist"
 if unless is not None and eval(unless, globals()):
  return "skipped, since this holds on the board: " + unless
print(repr(_hivectl_guard({creates!r}, {removes!r}, {unless!r})))
del _hivectl_guard
"""


@record(kw_only=True)
class Parameters:
    """What `repl` takes."""

    code: str | Secret | None = parameter(
        "The code; what it defines stays on the board until it is reset.",
        default=None,
        example="import beacon; beacon.on()",
    )
    src: str | None = parameter("File on this machine with the code.", default=None)
    value: str | None = parameter(
        "Expression for the board, looked at after the code: its value is `value`, a literal of Python.",
        default=None,
        example="beacon.is_on()",
    )
    creates: str | None = parameter(
        "A path on the board; if it exists, nothing is run.", default=None, kind="path"
    )
    removes: str | None = parameter(
        "A path on the board; if it does not exist, nothing is run.", default=None, kind="path"
    )
    unless: str | None = parameter(
        "Expression for the board; if it holds, nothing is run.", default=None, example="beacon.is_on()"
    )
    timeout: float = parameter("How long the code may run.", default=60.0, kind="duration")


async def procedure(parameters: Parameters, context: NodeContext) -> Result:
    """Ask whether it shall run, run it, and take its value.

    Raises:
        ModuleError: no code, or code given twice.
    """
    code = _code(parameters, context)
    guarded = any(guard is not None for guard in (parameters.creates, parameters.removes, parameters.unless))
    against = await _against(parameters, context) if guarded else None
    if against is not None:
        return against
    if context.check:
        said = "Command would have run if not in check mode"
        return {"changed": guarded, "skipped": not guarded, "msg": said, "stdout": "", "stdout_lines": []}
    if parameters.value is not None:
        code = f"{code}\nprint({MARK!r} + repr(eval({parameters.value!r})))\n"
    answer = await attempt(context, code, seconds=parameters.timeout)
    output, marked, value = _text(answer.output).rpartition(MARK)
    if not marked:
        output, value = value, output
    if answer.failure:
        return _failure(answer, output)
    result: Result = {"changed": True, "stdout": output.rstrip("\n"), "stdout_lines": output.splitlines()}
    if parameters.value is None:
        return result
    try:
        return {**result, "value": _literal(value)}
    except ValueError:
        return {**result, "failed": True, "msg": f"{parameters.value} is no literal: {value.strip()[:200]}"}


async def _against(parameters: Parameters, context: NodeContext) -> Result | None:
    """Return the result where a guard stands against the code, or could not be asked."""
    guard = GUARD.format(creates=parameters.creates, removes=parameters.removes, unless=parameters.unless)
    answer = await attempt(context, guard, seconds=parameters.timeout)
    if answer.failure:
        return _failure(answer, "")
    reason = _literal(_text(answer.output))
    return None if reason is None else {"changed": False, "msg": reason, "stdout": "", "stdout_lines": []}


def _code(parameters: Parameters, context: NodeContext) -> str:
    if parameters.code is not None and parameters.src is not None:
        raise ModuleError("only one of `code` and `src` can be given", origin=context.origin)
    if parameters.src is not None:
        return text_of_file(context.find_file(parameters.src))
    if parameters.code is None and parameters.value is None:
        raise ModuleError("one of `code`, `src` and `value` is needed", origin=context.origin)
    return "" if parameters.code is None else reveal_text(parameters.code)


def faults_of(parameters: Parameters) -> dict[str, HivectlError]:
    """Return what makes no sense, whatever the board is."""
    if parameters.code is not None and parameters.src is not None:
        return {"src": InputError("repl: only one of `code` and `src` can be given")}
    if parameters.code is None and parameters.src is None and parameters.value is None:
        return {"code": InputError("repl: one of `code`, `src` and `value` is needed")}
    return {}


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").replace("\r\n", "\n")


def _literal(text: str) -> Any:
    """Return the literal that the board printed; raises ValueError."""
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError("no literal") from error


def _failure(answer: Outcome, output: str) -> Result:
    traceback = _text(answer.failure).strip()
    return {
        "changed": False,
        "failed": True,
        "msg": f"the board raised {what_was_raised(traceback)}",
        "traceback": traceback,
        "stdout": output.rstrip("\n"),
        "stdout_lines": output.splitlines(),
    }


MODULE = Module(
    name="repl",
    summary="Code on a MicroPython board",
    parameters=Parameters,
    procedure=procedure,
    faults=faults_of,
    capabilities=frozenset({Capability.REPL}),
    free_form="code",
    sources=named_source("src", kind="file"),
    example="""\
- name: The beacon is on
  repl:
    code: import beacon; beacon.on()
    unless: __import__('beacon').is_on()
    value: beacon.brightness()
  register: beacon
""",
    returns={
        "value": "of the expression `value`",
        "stdout": "what the code printed",
        "stdout_lines": "what the code printed, by lines",
        "traceback": "of the board, where the code raised",
        "msg": "why nothing was run, or what was raised",
    },
    repeatable=False,
)
