"""`hivectl validate`: playbooks and inventories, offline."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import ExtraVariables, Inventories
from hivectl.model.errors import Complaints, HivectlError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hivectl.model.inventory import Inventory

app = new_app()
APPS = {"validate": app}


@app.command()
def validate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Playbooks, files of tasks, roles, inventories, their folders."
        ),
    ],
    *,
    inventories: Inventories = None,
    extra: ExtraVariables = None,
) -> int:
    """Check files without a look at any node: syntax, keys, types, modules, variables, selectors, cycles.

    Playbooks are checked against the inventories among FILE, those of -i, or the default one.

    Example: hivectl validate inventory playbooks/quickstart.yml
    """
    from hivectl.cli.errors import leaves, say
    from hivectl.cli.extra_variables import extra_variables
    from hivectl.report.text import count

    faults: list[HivectlError] = []
    variables = extra_variables(extra or ())
    kinds = {}
    for path in dict.fromkeys(files):
        try:
            if path.exists() and _is_part(path):
                continue
            kinds[path] = _is_playbook(path)
        except HivectlError as error:
            faults.append(error)
    own = [path for path, is_playbook in kinds.items() if not is_playbook]
    playbooks = [path for path, is_playbook in kinds.items() if is_playbook]
    parts_of = [path for path in dict.fromkeys(files) if path.exists() and _is_part(path)]
    for part in parts_of:
        try:
            _check_part(part)
        except HivectlError as error:
            faults.append(error)
    inventory = None
    try:
        inventory = _inventory(own or inventories or (), wanted=bool(own or inventories))
    except HivectlError as error:
        faults.append(error)
    for path in playbooks:
        try:
            _check_playbook(path, inventory, variables)
        except HivectlError as error:
            faults.append(error)
    if faults:
        raise Complaints(
            [leaf for fault in faults for leaf in leaves(fault) if isinstance(leaf, HivectlError)]
        )
    parts = [count(len(playbooks), "playbook")] if playbooks else []
    parts += [f"{count(len(parts_of), 'part')} of playbooks"] if parts_of else []
    parts += [f"an inventory of {count(len(inventory.nodes), 'node')}"] if inventory is not None else []
    say(f"valid: {', '.join(parts)}")
    if playbooks and inventory is None:
        say("no inventory was found: selectors and variables are not checked; name one with -i")
    return 0


def _is_part(path: Path) -> bool:
    """Tell a role's folder, or a file of tasks, from a playbook or an inventory."""
    if path.is_dir():
        return any((path / name).is_dir() for name in ("tasks", "handlers", "meta", "defaults"))
    from hivectl.model.yaml import load_yaml

    try:
        document = load_yaml(path)
    except HivectlError:  # told where it is read as a playbook
        return False
    tasks = [one for one in document if isinstance(one, dict) and one] if isinstance(document, list) else []
    starts = {"hosts", "import_playbook", "ansible.builtin.import_playbook", "tasks", "roles"}
    return bool(tasks) and not any(starts & set(one) for one in tasks)


def _check_part(path: Path) -> None:
    """Check a role or a file of tasks as far as that goes without the playbook that uses it."""
    from hivectl.engine.parts import check_part

    check_part(path)


def _is_playbook(path: Path) -> bool:
    """Tell a playbook, a list, from an inventory, a mapping.

    Raises:
        InputError: it is neither, or not there.
    """
    if path.is_dir():
        return False
    if not path.exists():
        raise InputError(f"there is no file {path}")
    from hivectl.model.yaml import load_yaml

    document = load_yaml(path)
    if document is None:
        raise InputError(f"{path} is empty", hint="a playbook is a list of plays, an inventory a mapping")
    if not isinstance(document, list | dict):
        raise InputError(
            f"{path} is neither a playbook nor an inventory", hint="a playbook begins with `- hosts:`"
        )
    return isinstance(document, list)


def _inventory(paths: "Sequence[Path]", *, wanted: bool) -> "Inventory | None":
    """Load what was named, or the default inventory if there is one."""
    import os

    if not wanted and not os.environ.get("HIVECTL_INVENTORY") and not Path("inventory").exists():
        return None
    from hivectl.engine.lab import open_lab

    return open_lab(paths).inventory


def _check_playbook(path: Path, inventory: "Inventory | None", extra: "Mapping[str, object]") -> None:
    from hivectl.model.playbook_loader import load_playbook
    from hivectl.modules.registry import known_module, module_names

    playbook = load_playbook(path, known_module, module_names)
    if inventory is None:
        return
    from hivectl.engine.chosen import with_headers
    from hivectl.engine.plan import build_plan
    from hivectl.engine.validation import validate_playbook
    from hivectl.model.variable_folders import beside_playbook

    whole = beside_playbook(inventory, path.absolute().parent)
    faults: list[HivectlError] = []
    for check in (
        lambda: validate_playbook(playbook, whole, extra),
        # which nodes are free is not known offline: all of them may be
        lambda: build_plan(
            with_headers(playbook, whole, extra), whole, free=lambda: whole.nodes, sources=True
        ),
    ):
        try:
            check()
        except HivectlError as error:
            faults.append(error)
    if faults:
        raise Complaints(faults)
