"""From a task and a node's variables to a step that can be sent: loops expanded, conditions decided, values rendered."""

from __future__ import annotations

from dataclasses import field, fields
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hivectl.engine.blame import blamed
from hivectl.engine.context import Context, NodeAccess
from hivectl.engine.harmless import is_harmless
from hivectl.engine.judge import first_false
from hivectl.engine.loops import breaks, control_of, items_of_loop, variables_of
from hivectl.helper.operations import Become
from hivectl.model.errors import InputError
from hivectl.model.parameters import Mould, convert
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.model.templating import simple
from hivectl.model.templating.omit import OMIT
from hivectl.model.variables import Layer
from hivectl.model.yaml import YamlMapping, origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hivectl.engine.options import RunOptions
    from hivectl.engine.redactor import Redactor
    from hivectl.helper.operations import ItemResult, Operation
    from hivectl.model.origin import Origin
    from hivectl.model.playbook import Task
    from hivectl.model.variables import Scope
    from hivectl.modules.base import Module, Result


# keywords that may be templates, so that they differ from node to node
OPTIONS = (
    "become",
    "become_user",
    "check_mode",
    "diff",
    "no_log",
    "ignore_errors",
    "ignore_unreachable",
    "timeout",
    "throttle",
    "retries",
    "delay",
)
NOTHING: Mapping[str, Any] = MappingProxyType({})


@record(kw_only=True)
class StepOptions:
    """A task's keywords, rendered for one node.

    Attributes:
        timeout: seconds for one attempt, from when it begins.
        retries: further attempts after the first.
        delay: seconds between attempts.
        throttle: how many nodes may do it at once; 0: any number.
    """

    become: Become | None = None
    check: bool = False
    diff: bool = False
    no_log: bool = False
    ignore_errors: bool = False
    ignore_unreachable: bool = False
    timeout: float | None = None
    throttle: int = 0
    retries: int = 0
    delay: float = 5.0


@record(kw_only=True, frozen=False)
class Iteration:
    """One item of a step's loop, or the step itself where there is none.

    Attributes:
        actor: the node that acts: another one with `delegate_to`, which may differ from item to item.
        skipped: the condition that did not hold, when one did not.
        failure: why it could not be made ready.
        results: of its operations, as they arrive.
        outcome: what it comes to.
        given: the loop's variables.
    """

    index: int
    scope: Scope
    actor: str = ""
    item: Any = None
    label: Any = None
    context: Context | None = None
    parameters: Any = None
    operations: tuple[Operation, ...] = ()
    skipped: str | None = None
    notify: tuple[str, ...] = ()
    results: list[ItemResult] = field(default_factory=list)
    outcome: Result | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


@record(kw_only=True, frozen=False)
class Step:
    """A task, ready for one node.

    Attributes:
        key: names it in the journal.
        node: whose step it is.
        actor: the node that acts, the first one where there are several.
        started: when it was begun, on the loop's clock.
        seconds: how long it took, once it is done.
        uncertain: it may have been done before, by an attempt whose answer was lost.
    """

    key: str
    node: str
    actor: str
    task: Task
    module: Module[Any]
    options: StepOptions
    iterations: list[Iteration]
    looped: bool = False
    scope: Scope
    started: float = 0.0
    seconds: float = 0.0
    uncertain: bool = False

    @property
    def in_batches(self) -> bool:
        """Whether it travels with its neighbours."""
        return self.module.operations is not None

    @property
    def scattered(self) -> bool:
        """Whether several nodes act."""
        if len(self.iterations) == 1:  # most have one, and are asked twice
            return self.iterations[0].actor not in ("", self.actor)
        return any(iteration.actor not in ("", self.actor) for iteration in self.iterations)

    @property
    def uses(self) -> Mapping[str, int]:
        """The limits that it takes from, `throttle` being one of its own."""
        own = {throttle_of(self.task): 1} if self.options.throttle else {}
        return {**self.task.uses, **own}

    @property
    def needs_verdict(self) -> bool:
        """Whether the controller must look at the result before anything that follows may be sent."""
        # `failed_when: true` fails what the node takes for a success: the node would go on
        decided = self.task.keywords.get("failed_when", False) is False and is_harmless(self.task)
        return not decided or self.attempts_several

    @property
    def item_by_item(self) -> bool:
        """Whether something is to be done or decided between two items of its loop."""
        control = self.task.keywords.get("loop_control") if self.looped else None
        return bool(control and (control.get("pause") or control.get("break_when")))

    @property
    def attempts_several(self) -> bool:
        """Whether it may be tried again."""
        return self.options.retries > 0


@record(kw_only=True)
class Workshop:
    """What making steps needs, the same for all steps of a run.

    Attributes:
        access: returns the way to a node that acts.
        recipes: task number -> what is the same for all nodes, found once.
        files: (folders, name, folder) -> where it was found.
        redactor: learns the secrets that templates make of others.
    """

    options: RunOptions
    run: str
    folder: Path
    find_module: Callable[[str], Module[Any]]
    access: Callable[[str], NodeAccess]
    recipes: dict[int, Recipe] = field(default_factory=dict)
    files: dict[tuple[tuple[Path, ...], str, str], Path] = field(default_factory=dict)
    redactor: Redactor


@record(frozen=False)
class Recipe:
    """What of a task is the same for all nodes.

    Attributes:
        fixed: arguments without templates, and those that the module renders itself.
        rendered: name, text and place of the other arguments.
        options: the task's keywords, where none of them is a template.
        parameters: converted, where nothing is to be rendered.
        mould: of parameters, where something is.
    """

    module: Module[Any]
    fixed: YamlMapping
    rendered: tuple[tuple[str, Any, Origin], ...]
    options: StepOptions | None
    parameters: Any = None
    mould: Mould[Any] | None = None


def _recipe(workshop: Workshop, task: Task, scope: Scope) -> Recipe:
    known = workshop.recipes.get(task.number)
    if known is not None:
        return known
    module = workshop.find_module(task.module)
    kept = kept_parameters(module.parameters)
    fixed = YamlMapping(origin=task.origin)
    if isinstance(task.arguments, YamlMapping):
        fixed.key_origins, fixed.value_origins = task.arguments.key_origins, task.arguments.value_origins
    rendered = []
    for name, value in task.arguments.items():
        # `set_fact: {"{{ name }}": 1}`
        if name not in kept and (scope.templates.is_template(value) or "{{" in str(name)):
            rendered.append((name, value, origin_of(task.arguments, name) or task.origin))
        else:
            fixed[name] = value
    own = any(isinstance(task.keywords.get(name), str) for name in OPTIONS)
    become = task.keywords.get("become", workshop.options.become)
    options = None if own or become else _options(workshop.options, task, scope)
    recipe = workshop.recipes[task.number] = Recipe(module, fixed, tuple(rendered), options)
    if rendered:
        recipe.mould = Mould(module.parameters, fixed)
    else:
        recipe.parameters = convert(module.parameters, fixed, origin=task.origin, what=module.name)
    return recipe


def make_step(
    workshop: Workshop,
    task: Task,
    node: str,
    key: str,
    scope: Scope,
    decide: Callable[[Step, Iteration], None],
) -> Step:
    """Make a task ready for a node.

    Args:
        workshop: of the run.
        task: of the playbook.
        node: whose step it is.
        key: of the step in the journal.
        scope: the node's variables, as the task sees them.
        decide: settles what needs no node, item by item.

    Raises:
        InputError, Complaints: a value is undefined or wrong.
        ModuleError: the module refuses.
        NotKnownYet: something must be asked of a node first.
    """
    recipe = _recipe(workshop, task, scope)
    options = recipe.options or _options(workshop.options, task, scope)
    iterations = _iterations(task, scope)
    step = Step(
        key=key,
        node=node,
        actor=node,
        task=task,
        module=recipe.module,
        options=options,
        iterations=iterations,
        # a condition that spares the loop skips the task as a whole
        looped=task.has_loop and not (iterations and iterations[0].skipped is not None),
        scope=scope,
    )
    facts: dict[str, Any] = {}
    settled = 0  # so many items from the first one on
    for iteration in step.iterations:
        if facts:
            # `set_fact: {all: "{{ all + [item] }}"}`: each item sees what those before it gave
            given = Layer("registered", dict(facts), data=True)
            iteration.scope = iteration.scope.child(given)
        if iteration.skipped is None and not _is_skipped(task, iteration):
            _ready(workshop, recipe, step, iteration)
        decide(step, iteration)
        if iteration.outcome is not None:
            facts.update(iteration.outcome.get("ansible_facts", {}))
            if iteration.index == settled and breaks(task, iteration):
                del step.iterations[iteration.index + 1 :]
                break
            settled += iteration.index == settled
    for iteration in step.iterations:
        if iteration.actor:
            step.actor = iteration.actor
            break
    return step


def throttle_of(task: Task) -> str:
    """Return the name of the limit that a task's `throttle` is."""
    return f"throttle of {task.name} ({task.number})"


def rendered_names(task: Task, scope: Scope) -> tuple[str, ...]:
    """Return the handlers that a task notifies."""
    names: list[str] = []
    for name in task.notify:
        made = scope.templates.render(name, scope, origin=task.origin)
        names += map(str, made) if isinstance(made, list) else [str(made)]
    return tuple(names)


def _is_skipped(task: Task, iteration: Iteration) -> bool:
    if not task.when:
        return False
    false = first_false(task.when, iteration.scope)
    if false is not None:
        iteration.skipped = str(false.text)
    return false is not None


def _iterations(task: Task, scope: Scope) -> list[Iteration]:
    if not task.has_loop:
        return [Iteration(index=0, scope=scope)]
    try:
        items = items_of_loop(task, scope)
    except InputError:
        # as in Ansible: a condition that does not hold spares the loop
        if (false := first_false(task.when, scope)) is not None:
            return [Iteration(index=0, scope=scope, skipped=str(false.text))]
        raise
    control = control_of(task, scope)
    iterations = []
    for index, item in enumerate(items):
        values = variables_of(control, items, index)
        # rendered already, and perhaps a node's words: never a template again
        inner = scope.child(Layer("loop", values, data=True))
        label = item
        if control.label is not None:
            label = scope.templates.render(control.label, inner, origin=task.origin)
        iterations.append(Iteration(index=index, scope=inner, item=item, label=label, given=values))
    return iterations


def _ready(workshop: Workshop, recipe: Recipe, step: Step, iteration: Iteration) -> None:
    task, module, scope = step.task, step.module, iteration.scope
    iteration.actor = step.node
    if delegate := task.keywords.get("delegate_to"):
        iteration.actor = str(scope.templates.render(delegate, scope, origin=task.origin))
    iteration.context = Context(
        node=step.node,
        variables=scope,
        origin=task.origin,
        folders=task.folders or (workshop.folder,),
        run=workshop.run,
        key=f"{step.key}.{iteration.index}",
        check=step.options.check,
        diff=step.options.diff,
        environment=_environment(task, scope) if task.environment else NOTHING,
        become=step.options.become,
        deadline=step.options.timeout,
        access=workshop.access(iteration.actor),
        files=workshop.files,
        silent=step.options.no_log,
    )
    if task.notify:
        iteration.notify = rendered_names(task, scope)
    iteration.parameters = _parameters(workshop, recipe, task, scope)
    if module.procedure is not None:
        # what a procedure renders itself must be known before it begins: it cannot be begun twice
        for name in kept_parameters(module.parameters) & set(task.arguments):
            scope.templates.render(task.arguments[name], scope, origin=task.origin)
    if module.operations is not None:
        with blamed(module):
            iteration.operations = tuple(module.operations(iteration.parameters, iteration.context))
    if workshop.redactor.active:
        # a text that a template made of a secret must not be seen either
        workshop.redactor.learn([iteration.context.environment, *map(_values_of, iteration.operations)])


def _values_of(operation: Operation) -> list[Any]:
    return [getattr(operation, one.name) for one in fields(operation)]


def _parameters(workshop: Workshop, recipe: Recipe, task: Task, scope: Scope) -> Any:
    if recipe.parameters is not None:
        return recipe.parameters
    given: list[tuple[str, Any]] = []
    for name, value, origin in recipe.rendered:
        made = simple.render(value, scope) if isinstance(value, str) else simple.NOT_SIMPLE
        if made is simple.NOT_SIMPLE:
            made = scope.templates.render(value, scope, origin=origin)
        if "{{" in name:
            name = str(scope.templates.render(name, scope, origin=origin))  # noqa: PLW2901  # its own meaning
        # `mode: "{{ mode | default(omit) }}"`
        if made is not OMIT:
            given.append((name, made))
            if workshop.redactor.active:
                # a text that a template made of a secret must not be seen either
                workshop.redactor.learn(made)
    if recipe.mould is not None and (parameters := recipe.mould.make(given)) is not None:
        return parameters
    values = YamlMapping(
        recipe.fixed,
        origin=task.origin,
        key_origins=recipe.fixed.key_origins,
        value_origins=recipe.fixed.value_origins,
    )
    values.update(given)
    return convert(recipe.module.parameters, values, origin=task.origin, what=recipe.module.name)


def kept_parameters(cls: Any) -> frozenset[str]:
    """Return the parameters, by name and alias, that a module renders itself."""
    return _kept(cls)


@cache
def _kept(cls: Any) -> frozenset[str]:
    kept = [one for one in fields(cls) if one.metadata.get("kind") == "template"]
    return frozenset(
        name for one in kept for name in (one.name.rstrip("_"), *one.metadata.get("aliases", ()))
    )


def _environment(task: Task, scope: Scope) -> Mapping[str, Any]:
    merged: dict[str, Any] = {}
    for level in task.environment:
        rendered = scope.templates.render(level, scope, origin=task.origin)
        for part in rendered if isinstance(rendered, list) else [rendered]:
            if not isinstance(part, dict):
                raise InputError(
                    f"`environment` must be a mapping, not {type(part).__name__}", origin=task.origin
                )
            merged.update(
                {
                    str(name): value if isinstance(value, Secret) else str(value)
                    for name, value in part.items()
                }
            )
    return merged


def _options(run: RunOptions, task: Task, scope: Scope) -> StepOptions:
    keywords = task.keywords

    def flag(name: str, *, default: bool) -> bool:
        value = keywords.get(name)
        if isinstance(value, str):
            value = scope.templates.render(value, scope, origin=task.origin)
            if isinstance(value, str) and value.lower() in ("yes", "no", "true", "false", "on", "off"):
                value = value.lower() in ("yes", "true", "on")
        if value is None:
            return default
        if not isinstance(value, bool):
            raise InputError(f"`{name}` must be true or false, not {value!r}", origin=task.origin)
        return value

    def number(name: str) -> float | None:
        value = keywords.get(name)
        if isinstance(value, str):
            value = scope.templates.render(value, scope, origin=task.origin)
        if value is None:
            return None
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InputError(f"`{name}` must be a number, not {value!r}", origin=task.origin) from None

    become = None
    if flag("become", default=run.become):
        user = keywords.get("become_user") or run.become_user or "root"
        user = str(scope.templates.render(user, scope, origin=task.origin))
        become = Become(user=user, password=_become_password(run, scope))
    retries = number("retries")
    if retries is None:
        retries = 3.0 if "until" in keywords else 0.0
    delay = number("delay")
    timeout = number("timeout")
    return StepOptions(
        become=become,
        check=flag("check_mode", default=run.check),
        diff=flag("diff", default=run.diff),
        no_log=flag("no_log", default=False),
        ignore_errors=flag("ignore_errors", default=False),
        ignore_unreachable=flag("ignore_unreachable", default=False),
        timeout=timeout or None,
        throttle=max(0, int(number("throttle") or 0)),
        retries=int(retries),
        delay=5.0 if delay is None else delay,
    )


def _become_password(run: RunOptions, scope: Scope) -> Secret | None:
    if run.become_password is not None:
        return run.become_password
    for name in ("ansible_become_password", "ansible_become_pass"):
        if name in scope:
            value = scope[name]
            return value if isinstance(value, Secret) else Secret(str(value))
    return None
