"""The keywords of plays, tasks and blocks: names, types and what they mean."""

from __future__ import annotations

from functools import cache
from typing import Any

from hivectl.model.parameters import parameter, schema_of
from hivectl.model.records import record


@record(kw_only=True)
class SharedKeywords:
    """What plays, blocks and tasks all take; an inner one wins, conditions and tags add up."""

    name: str | None = parameter("What people read.", default=None)
    become: bool | None = parameter("Use another user's rights.", default=None)
    become_user: str | None = parameter("Whose; root if absent.", default=None)
    become_method: str | None = parameter("How; sudo is what there is.", default=None, choices=["sudo"])
    environment: Any = parameter("Environment variables of commands.", default=None, kind="raw")
    tags: list[str] | None = parameter("For --tags and --skip-tags.", default=None)
    vars: dict[str, Any] | None = parameter("Variables.", default=None)
    any_errors_fatal: bool | None = parameter("One node's failure stops all nodes of the play.", default=None)
    check_mode: bool | None = parameter("true: never change; false: act even under --check.", default=None)
    diff: bool | None = parameter("Show what changes.", default=None)
    ignore_errors: bool | None = parameter("Go on after a failure.", default=None)
    no_log: bool | None = parameter("Never show or journal the result.", default=None)
    timeout: float | None = parameter("Seconds for one attempt, from when it begins.", default=None)
    run_once: bool | None = parameter("One node acts for all nodes of the play.", default=None)
    ignore_unreachable: bool | None = parameter(
        "Go on with a node that this task cannot reach; later tasks try it again.", default=None
    )
    throttle: int | None = parameter("At most so many nodes do this task at once; 0: no limit.", default=None)
    module_defaults: Any = parameter(
        "Module to parameters that its tasks take unless they say otherwise.",
        default=None,
        kind="raw",
        example={"copy": {"mode": "0644"}},
    )
    connection: Any = parameter(
        "local: this machine acts, as with `delegate_to: localhost`.", default=None, kind="raw"
    )


@record(kw_only=True)
class PlayKeywords(SharedKeywords):
    """What a play takes besides."""

    hosts: Any = parameter(
        "Selector: names, globs, hives, key=value labels, all, free.", kind="raw", example="kind=microscope"
    )
    vars_files: list[Any] | None = parameter(
        "YAML files with variables; of a list of files the first that is there.", default=None
    )
    vars_prompt: list[Any] | None = parameter(
        "Variables that are asked for on the terminal, unless -e gives them.", default=None
    )
    pre_tasks: list[Any] | None = parameter("Tasks before the others.", default=None)
    roles: list[Any] | None = parameter(
        "Roles, behind pre_tasks and before tasks: names, or mappings with `role:`, keywords and parameters.",
        default=None,
    )
    tasks: list[Any] | None = parameter("What shall hold.", default=None)
    post_tasks: list[Any] | None = parameter("Tasks after the others.", default=None)
    handlers: list[Any] | None = parameter(
        "Tasks that run once, at the end, if a task that notifies them changed something.", default=None
    )
    serial: Any = parameter(
        "How many nodes at a time: a number, a percentage, or a list of them.", default=None, kind="raw"
    )
    strategy: str | None = parameter(
        "linear: all nodes finish a task before any begins the next; otherwise nodes do not wait for each other.",
        default=None,
        choices=["linear", "free", "host_pinned"],
    )
    gather_facts: bool | None = parameter(
        "true: all facts at once; absent: those that are used; false: none.", default=None
    )
    gather_subset: list[str] | None = parameter(
        "Which facts `gather_facts: true` asks for at once; others come when they are used.", default=None
    )
    fact_path: str | None = parameter(
        "The folder of the nodes' own `*.fact` files, which `ansible_local` gives; absent: /etc/ansible/facts.d.",
        default=None,
    )
    order: str | None = parameter(
        "In which order nodes are taken.",
        default=None,
        choices=["inventory", "sorted", "reverse_sorted", "reverse_inventory", "shuffle"],
    )
    force_handlers: bool | None = parameter(
        "Run what was notified on a node that fails too; otherwise the next run does it.", default=None
    )
    max_fail_percentage: float | None = parameter("More failed nodes than this stop the play.", default=None)
    reserve: dict[str, Any] | None = parameter(
        "How the run's reservation of these nodes is described: for, reason.", default=None
    )


@record(kw_only=True)
class ImportKeywords:
    """What stands in the place of a play: the plays of another playbook."""

    import_playbook: str | None = parameter("The playbook, beside this one.", default=None)
    name: str | None = parameter("What people read.", default=None)
    vars: dict[str, Any] | None = parameter("Variables of its plays, above their own.", default=None)
    when: Any = parameter("Condition of all its tasks.", default=None, kind="raw")
    tags: list[str] | None = parameter("For --tags and --skip-tags.", default=None)


@record(kw_only=True)
class RoleKeywords(SharedKeywords):
    """What an item of `roles:` takes besides its parameters."""

    role: str | None = parameter("The role.", default=None)
    when: Any = parameter("Condition, or list of conditions: each must be true.", default=None, kind="raw")
    delegate_to: str | None = parameter("The node that acts instead.", default=None)


@record(kw_only=True)
class BlockKeywords(SharedKeywords):
    """What a block takes besides."""

    when: Any = parameter("Condition, or list of conditions: each must be true.", default=None, kind="raw")
    delegate_to: str | None = parameter("The node that acts instead.", default=None)
    delegate_facts: bool | None = parameter("Facts are those of the node that acts.", default=None)
    block: list[Any] = parameter("Tasks that belong together.")
    rescue: list[Any] | None = parameter("Tasks for when one of them failed.", default=None)
    always: list[Any] | None = parameter("Tasks that run whatever happened, after Ctrl-C too.", default=None)
    notify: list[str] | None = parameter("Handlers to run at the end if something changed.", default=None)


@record(kw_only=True)
class LoopControl:
    """What `loop_control` may say."""

    loop_var: str = parameter("The variable that holds the item.", default="item")
    index_var: str | None = parameter("A variable for the item's number, from 0.", default=None)
    label: Any = parameter("What people see of an item.", default=None, kind="raw")
    pause: float = parameter("Seconds between two items.", default=0.0)
    extended: bool = parameter("Give items `ansible_loop`: index, first, last, nextitem …", default=False)
    extended_allitems: bool = parameter("`ansible_loop.allitems` too.", default=True)
    break_when: Any = parameter(
        "Leave the loop behind the item for which all this holds.", default=None, kind="raw"
    )


@record(kw_only=True)
class TaskKeywords(SharedKeywords):
    """What a task takes besides its module."""

    when: Any = parameter("Condition, or list of conditions: each must be true.", default=None, kind="raw")
    loop: Any = parameter("A list: the task is done for each item.", default=None, kind="raw")
    loop_control: dict[str, Any] | None = parameter(
        "How the loop goes: loop_var, index_var, label, pause, extended, break_when.", default=None
    )
    register: str | None = parameter("Variable that takes the result.", default=None)
    notify: list[str] | None = parameter("Handlers to run at the end if something changed.", default=None)
    listen: list[str] | None = parameter("Handlers only: other names to be notified by.", default=None)
    retries: int | None = parameter("How often it is tried again.", default=None)
    delay: float | None = parameter("Seconds between tries.", default=None)
    until: Any = parameter("Try again until this is true.", default=None, kind="raw")
    changed_when: Any = parameter("When the result counts as changed.", default=None, kind="raw")
    failed_when: Any = parameter("When the result counts as failed.", default=None, kind="raw")
    delegate_to: str | None = parameter("The node that acts instead.", default=None)
    delegate_facts: bool | None = parameter("Facts are those of the node that acts.", default=None)
    args: dict[str, Any] | None = parameter("More of the module's parameters.", default=None)
    action: Any = parameter(
        "The module and its parameters in one text, or a mapping with `module`.", default=None, kind="raw"
    )
    local_action: Any = parameter("As `action`, on this machine.", default=None, kind="raw")
    id: str | None = parameter("A name for `needs`.", default=None)
    needs: list[str] | None = parameter("Ids of tasks that must have succeeded before.", default=None)
    uses: dict[str, int] | None = parameter(
        "Named limits of the inventory, and how much of each it takes.", default=None
    )


# what Ansible has and hivectl refuses by name, with what to write instead
ELSEWHERE = {
    "remote_user": "the inventory says who logs in: `user:`",
    "async": "write `program:` for what runs long",
    "poll": "write `program:` for what runs long",
    "async_status": "write `program:` for what runs long",
    "become_exe": "sudo is what there is, by its name",
    "become_flags": "sudo is given what it needs; its rules on the node say the rest",
    "debugger": "`hivectl apply --resume RUN` goes on after a failure, `hivectl shell NODE` looks around",
    "gather_timeout": "write `- setup:` with `timeout:`",
    "port": "the inventory says how a node is reached: `port:`",
    "collections": "our modules have short names, `ansible.builtin.` before them is understood",
    "sudo": "write `become: true`",
}


def keyword_schemas(cls: Any) -> dict[str, Any]:
    """Return keyword -> JSON Schema of one of the classes above."""
    return _schemas(cls)


@cache
def _schemas(cls: Any) -> dict[str, Any]:
    properties: dict[str, Any] = schema_of(cls)["properties"]
    if cls is TaskKeywords:
        from hivectl.model.loop_forms import with_schemas

        control = schema_of(LoopControl) | {"type": ["object", "null"]}
        properties["loop_control"] = control | {"description": properties["loop_control"]["description"]}
        properties |= with_schemas()
    return properties
