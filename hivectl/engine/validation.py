"""What can be known to be wrong before any node is asked: parameters, variables, names of handlers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from hivectl.engine.constant_arguments import constant_faults
from hivectl.engine.constant_conditions import surely_no_condition
from hivectl.engine.handler_checks import handler_circle, handlers_of, unknown_handlers
from hivectl.engine.included_names import included_names
from hivectl.engine.plan import unknown_limits, wrong_ids
from hivectl.engine.role_scopes import ROLE_MAGIC
from hivectl.engine.steps import OPTIONS, kept_parameters
from hivectl.engine.template_files import check_template_file
from hivectl.helper.facts_index import FACT_NAMES
from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.loop_forms import LOOKUP, PREFIX
from hivectl.model.parameters import MissingParameterError, convert, schema_of
from hivectl.model.playbook_levels import Condition, conditions
from hivectl.model.schema import Validator
from hivectl.model.suggestions import nearest
from hivectl.model.templates import Templates, is_template
from hivectl.model.yaml import YamlMapping, load_yaml, origin_of
from hivectl.modules.registry import find_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hivectl.engine.plan import Plan
    from hivectl.model.inventory import Inventory
    from hivectl.model.module_defaults import ModuleDefaults
    from hivectl.model.origin import Origin
    from hivectl.model.playbook import Play, Playbook, Role, Task

MAGIC = frozenset(
    {
        *(
            "name",
            "index",
            "inventory_hostname",
            "inventory_hostname_short",
            "group_names",
            "groups",
            "hostvars",
        ),
        *(
            "play_hosts",
            "ansible_play_hosts",
            "ansible_play_hosts_all",
            "ansible_play_batch",
            "ansible_play_name",
        ),
        *(
            "playbook_dir",
            "inventory_dir",
            "inventory_file",
            "ansible_check_mode",
            "ansible_diff_mode",
            "omit",
        ),
        *("ansible_run_tags", "ansible_skip_tags", "ansible_forks", "hivectl_run", "ansible_facts"),
        *("ansible_host", "ansible_port", "ansible_user", "ansible_connection", "ansible_limit"),
        *("ansible_version", "ansible_verbosity", "ansible_inventory_sources", "ansible_playbook_python"),
        *("ansible_failed_task", "ansible_failed_result", "ansible_loop_var", "vars", "environment"),
        *("ansible_become_password", "ansible_become_pass"),
        *("role_names", "ansible_role_names", "ansible_play_role_names", "ansible_dependent_role_names"),
        *("ansible_search_path", "role_path", "role_name"),
    }
)

# names that are defined somewhere; None: some are only known once the playbook runs, so none is surely missing
Known: TypeAlias = frozenset[str] | None
# parameters that are expressions without braces, among those that modules render themselves
EXPRESSIONS = frozenset({("assert", "that"), ("debug", "var")})


def validate_playbook(playbook: Playbook, inventory: Inventory, extra: Mapping[str, Any]) -> None:
    """Check a playbook offline.

    Raises:
        Complaints: every fault found.
    """
    errors: list[HivectlError] = []
    templates = Templates()
    known = MAGIC | frozenset(FACT_NAMES) | frozenset(extra) | _inventory_names(inventory)
    given = frozenset(name for task in playbook.tasks() for name in _given_by(task))
    included = included_names(playbook)
    for play in playbook.plays:
        asked = frozenset(prompt.name for prompt in play.prompts)
        of_play = asked | frozenset(play.variables) | _file_names(playbook, play, errors)
        names: Known = known | given | of_play | (included or frozenset())
        if any("{{" in str(name) for name in (*given, *(str(part) for part in play.vars_files))):
            names = None
        _check_values(templates, play.variables, names, play.origin, errors)
        errors += handler_circle(play)
        if names is not None:
            public = [one.role for one in play.includes() if one.role and one.task.arguments.get("public")]
            names |= frozenset(name for role in (*play.roles, *public) for name in role.names())
        if any(include.body is None for include in play.includes()) or included is None:
            names = None
        handlers = handlers_of(play)
        for task in (*play.tasks(), *play.handler_tasks()):
            _check_task(templates, task, names, errors)
            errors += check_template_file(templates, task, playbook.path.resolve().parent)
            if handlers is not None:
                errors += unknown_handlers(handlers, task)
        for role in roles_of(play):
            for values in (role.defaults, role.variables, role.parameters):
                # what nobody uses may lack something
                _check_values(templates, values, None, role.origin, errors)
    for defaults in playbook.module_defaults:
        errors += _default_parameters(defaults)
    if errors:
        raise Complaints(errors)


def _check_task(templates: Templates, task: Task, names: Known, errors: list[HivectlError]) -> None:
    errors += _parameters(task)
    if task.module == "meta" and task.arguments.get("free_form") == "end_role":
        if task.role is None:
            errors.append(InputError("`meta: end_role` is for tasks of roles", origin=task.origin))
        elif task.handler:
            errors.append(InputError("`meta: end_role` is not for handlers", origin=task.origin))
    errors += _group_keywords(task)
    errors += _whole_loop_keywords(templates, task)
    _names(templates, task, names, errors)
    if task.module == "validate_argument_spec":
        errors += constant_faults(task, names)


def check_tasks(tasks: Sequence[Task]) -> list[HivectlError]:
    """Find what is wrong with tasks of which nobody knows which variables they will see."""
    errors: list[HivectlError] = []
    templates = Templates()
    for task in tasks:
        _check_task(templates, task, None, errors)
    return errors


def check_included(inventory: Inventory, plan: Plan, tasks: Sequence[Task]) -> list[HivectlError]:
    """Find what is wrong with tasks that were read as the run goes on."""
    errors = check_tasks(tasks)
    errors += unknown_limits(tasks, inventory.limits)
    errors += wrong_ids({**plan.tasks, **{task.number: task for task in tasks}})
    return errors


def roles_of(play: Play) -> tuple[Role, ...]:
    """Return every role that a play uses."""
    tasks = (*play.tasks(), *play.handler_tasks())
    used = [*play.roles, *(task.role for task in tasks if task.role is not None)]
    return tuple({id(role): role for role in used}.values())


def _default_parameters(defaults: ModuleDefaults) -> Sequence[HivectlError]:
    module = find_module(defaults.module)
    validator = Validator(schema_of(module.parameters, required=False))
    return validator.check(defaults.parameters, what=module.name, origin=defaults.parameters.origin)


def _inventory_names(inventory: Inventory) -> frozenset[str]:
    names = set(inventory.variables)
    for hive in inventory.hives.values():
        names |= set(hive.variables)
    for node in inventory.nodes.values():
        names |= set(node.variables)
    return frozenset(names)


def _given_by(task: Task) -> Iterator[str]:
    """Yield the variables that a task gives to those behind it."""
    if task.register:
        yield task.register
    if task.module == "set_fact":
        yield from task.arguments


def _file_names(playbook: Playbook, play: Play, errors: list[HivectlError]) -> frozenset[str]:
    names: set[str] = set()
    for part in play.vars_files:
        if "{{" in str(part):
            continue
        several = (part,) if isinstance(part, str) else part
        paths = [playbook.path.parent / name for name in several]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            errors.append(
                InputError(
                    f"there is no file {', nor '.join(map(str, paths))}",
                    origin=play.origin,
                    hint="`vars_files` count from the playbook",
                )
            )
            continue
        try:
            values = load_yaml(path, allowed=playbook.allowed)
        except HivectlError as error:
            errors += error.errors if isinstance(error, Complaints) else [error]
            continue
        names |= set(values) if isinstance(values, dict) else set()
    return frozenset(names)


def _validator_of(parameters: Any) -> Validator:
    """Return the checker of a module's parameters, made once for all tasks."""
    return _validator(parameters)


@cache
def _validator(parameters: Any) -> Validator:
    return Validator(schema_of(parameters))


def _parameters(task: Task) -> list[HivectlError]:
    module = find_module(task.module)
    faults: list[HivectlError] = []
    faults += _validator_of(module.parameters).check(task.arguments, what=module.name, origin=task.origin)
    as_written = module.written(task.arguments) if module.written is not None and not faults else {}
    for name, fault in as_written.items():
        fault.origin = fault.origin or origin_of(task.arguments, name) or task.origin
        faults.append(fault)
    if not faults:
        # what no template can change is converted now: `mode: 644` is known to be wrong
        fixed = YamlMapping(
            {name: value for name, value in task.arguments.items() if not is_template(value)},
            origin=task.origin,
        )
        if isinstance(task.arguments, YamlMapping):
            fixed.key_origins, fixed.value_origins = task.arguments.key_origins, task.arguments.value_origins
        left = len(fixed) < len(task.arguments)
        try:
            converted = convert(module.parameters, fixed, origin=task.origin, what=module.name)
        except Complaints as complaints:
            faults += [
                one for one in complaints.errors if not (left and isinstance(one, MissingParameterError))
            ]
        else:
            # a fault may be of two parameters together: all of them must be known
            found = module.faults(converted) if module.faults is not None and not left else {}
            for name, fault in found.items():
                fault.origin = fault.origin or origin_of(fixed, name) or task.origin
                faults.append(fault)
    return faults


def _group_keywords(task: Task) -> list[HivectlError]:
    """Refuse what has no meaning for one step on all nodes."""
    if find_module(task.module).group is None:
        return []
    return [
        InputError(
            f"`{name}` does not go with `{task.module}`, which is one step on all nodes",
            origin=origin_of(task.keywords, name) or task.origin,
        )
        for name in ("loop", "until", "retries", "delegate_to", "run_once")
        if task.keywords.get(name)
    ]


def _whole_loop_keywords(templates: Templates, task: Task) -> list[HivectlError]:
    """Refuse a loop's item where all items share one value."""
    if not task.has_loop:
        return []
    errors: list[HivectlError] = []
    own = _loop_names(task)
    for name in OPTIONS:
        value = task.keywords.get(name)
        try:
            used = templates.names(value) & own if isinstance(value, str) else frozenset()
        except HivectlError:  # told where all templates are checked
            continue
        if used:
            message = f"`{name}` is the same for all items of a loop, so it cannot use `{min(used)}`"
            errors.append(InputError(message, origin=origin_of(task.keywords, name) or task.origin))
    return errors


def _names(templates: Templates, task: Task, known: Known, errors: list[HivectlError]) -> None:
    names = known
    if known is not None:
        names = known | _own_names(task)
        for condition in task.when:
            _check_condition(templates, condition, names, task.origin, errors)
            # `when: x is defined` guards what comes behind it
            names |= _guarded(templates, condition.text)
    _argument_names(templates, task, names, errors)
    for values in task.variables:
        _check_values(templates, values, names, task.origin, errors)
    if task.has_loop:
        _loop(templates, task, names, errors)
    for key in ("delegate_to", "become_user", "timeout", "throttle", "retries", "delay"):
        _check_value(templates, task.keywords.get(key), names, task.origin, errors)
    for level in (*task.environment, *task.notify):
        _check_value(templates, level, names, task.origin, errors)
    asked: list[Condition] = [] if known is not None else list(task.when)
    for key in ("until", "changed_when", "failed_when"):
        if key in task.keywords:
            asked += conditions(task.keywords[key], origin_of(task.keywords, key) or task.origin)
    for condition in asked:
        _check_condition(templates, condition, names, task.origin, errors)


def _own_names(task: Task) -> frozenset[str]:
    own = frozenset(task.given).union(*task.variables)
    if task.role is not None:
        own |= ROLE_MAGIC.union(task.role.names())
    return own | _loop_names(task) if task.has_loop else own


def _loop_names(task: Task) -> frozenset[str]:
    control = task.keywords.get("loop_control") or {}
    names = {str(control.get("loop_var") or "item")}
    if control.get("index_var"):
        names |= {str(control["index_var"]), "ansible_index_var"}
    return frozenset(names | {"ansible_loop"} if control.get("extended") else names)


def _loop(templates: Templates, task: Task, names: Known, errors: list[HivectlError]) -> None:
    loop, lookup = task.keywords["loop"], task.keywords.get(LOOKUP)
    if lookup is not None:
        errors += _loop_terms(task, lookup)
    elif not is_template(loop) and not isinstance(loop, list):
        hint = "write a list, or `{{ name_of_a_list }}`"
        errors.append(InputError(f"`loop` must be a list, not {loop!r}", origin=task.origin, hint=hint))
    # what is undefined among the files of a `with_first_found` is left out
    _check_value(templates, loop, None if lookup == "first_found" else names, task.origin, errors)
    control = task.keywords.get("loop_control") or {}
    for key in ("label", "pause", "extended"):
        _check_value(templates, control.get(key), names, task.origin, errors)
    if control.get("pause") and task.module.startswith("include_"):
        message = f"`pause` does not go with `{task.module}`, whose items take in their tasks at once"
        hint = "begin these with a `wait_for: {timeout: 5}` on localhost"
        errors.append(InputError(message, origin=origin_of(control, "pause") or task.origin, hint=hint))
    if control.get("break_when"):
        for condition in conditions(control["break_when"], task.origin):
            _check_condition(templates, condition, names, task.origin, errors)


def _loop_terms(task: Task, lookup: str) -> list[HivectlError]:
    """Try a `with_…` loop as far as it needs nothing but what is written."""
    from hivectl.model.lookups.constants import check_terms

    terms = task.keywords["loop"]
    if is_template(terms):
        return []
    try:
        check_terms(lookup, terms)
    except HivectlError as error:
        message = f"`{PREFIX}{lookup}`: {error.message}"
        return [InputError(message, origin=origin_of(terms, 0) or task.origin, hint=error.hint)]
    return []


def _argument_names(templates: Templates, task: Task, names: Known, errors: list[HivectlError]) -> None:
    module = find_module(task.module)
    kept = kept_parameters(module.parameters)
    for name, value in task.arguments.items():
        origin = origin_of(task.arguments, name) or task.origin
        if (module.name, name) in EXPRESSIONS:
            for one in conditions(value, origin):
                _check_condition(templates, one, names, origin, errors)
        elif name not in kept or name == module.free_form:
            _check_value(templates, value, names, origin, errors)


def _guarded(templates: Templates, condition: Any) -> frozenset[str]:
    """Return the names that a condition asks about without needing them, as `x is defined` does."""
    if not isinstance(condition, str) or templates.is_template(condition):
        return frozenset()
    text = "{{ " + condition + " }}"
    try:
        return templates.names(text) - templates.required_names(text)
    except HivectlError:  # told where the condition itself is checked
        return frozenset()


def _check_values(
    templates: Templates,
    values: Mapping[str, Any],
    known: Known,
    origin: Origin,
    errors: list[HivectlError],
) -> None:
    for name, value in values.items():
        _check_value(templates, value, known, origin_of(values, name) or origin, errors)


def _check_value(
    templates: Templates, value: Any, known: Known, origin: Origin, errors: list[HivectlError]
) -> None:
    if isinstance(value, dict):
        _check_values(templates, value, known, origin, errors)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_value(templates, item, known, origin_of(value, index) or origin, errors)
    elif isinstance(value, str) and templates.is_template(value):
        _check_text(templates, value, known, origin, errors)


def _check_condition(
    templates: Templates,
    condition: Condition,
    known: Known,
    origin: Origin,
    errors: list[HivectlError],
) -> None:
    if (fault := surely_no_condition(condition.text)) is not None:
        fault.origin = condition.origin or origin
        errors.append(fault)
    elif isinstance(condition.text, str) and is_template(condition.text):
        try:
            templates.required_condition_names(condition.text, origin=condition.origin or origin)
        except HivectlError as error:
            errors.append(error)
    elif isinstance(condition.text, str):
        _check_text(templates, "{{ " + condition.text + " }}", known, condition.origin or origin, errors)


def _check_text(
    templates: Templates, text: str, known: Known, origin: Origin, errors: list[HivectlError]
) -> None:
    try:
        missing = templates.required_names(text, origin=origin) - (known or frozenset())
    except HivectlError as error:
        errors.append(error)
        return
    if known is None:
        return
    for name in sorted(missing):
        best = nearest(name, known)
        hint = f"did you mean `{best}`?" if best else "set it in the inventory, under `vars:`, or with -e"
        errors.append(InputError(f"`{name}` is not defined anywhere", origin=origin, hint=hint))
