"""What a play's header says in templates: `hosts` and `serial`, known before any node is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.playbook_loader import SERIAL_IS, hosts_of, serial_of
from hivectl.model.templates import Templates, is_template
from hivectl.model.templating.errors import TemplateError, UndefinedVariableError
from hivectl.model.variables import Layer, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.model.inventory import Inventory
    from hivectl.model.playbook import Play, Playbook


def with_headers(playbook: Playbook, inventory: Inventory, extra: Mapping[str, Any]) -> Playbook:
    """Return a playbook whose plays say in plain words on which nodes they run, how many at a time, and as what.

    As with Ansible, templates there know the play's own `vars`, `groups` and what `-e` gives: no node's variables.

    Raises:
        Complaints: what is undefined, and values of other kinds.
    """
    if not any(is_template((play.name, play.hosts, play.serial)) for play in playbook.plays):
        return playbook
    groups = {
        "all": list(inventory.nodes),
        "ungrouped": [node.name for node in inventory.nodes.values() if not node.hives],
        **{name: list(hive.nodes) for name, hive in inventory.hives.items()},
    }
    folder = playbook.path.resolve().parent
    templates = Templates(folder=folder, allowed=playbook.allowed)
    errors: list[HivectlError] = []
    plays = []
    for play in playbook.plays:
        magic = Layer("magic", {"groups": groups, "playbook_dir": str(folder)}, data=True)
        scope = Scope(templates, [Layer("play", play.variables), Layer("-e", extra), magic])
        plays.append(_plain(play, templates, scope, errors))
    if errors:
        raise Complaints(errors)
    return replace(playbook, plays=tuple(plays))


def _plain(play: Play, templates: Templates, scope: Scope, errors: list[HivectlError]) -> Play:
    def rendered(name: str, value: Any) -> Any:
        origin = play.places.get(name) or play.origin
        try:
            return templates.render(value, scope, origin=origin)
        except UndefinedVariableError as error:
            hint = "give it with -e, or under the play's `vars:`: a node's variables are not known yet"
            errors.append(InputError(f"`{name}`: {error.message}", origin=origin, hint=hint))
        except HivectlError as error:
            errors.append(error)
        return None

    if is_template(play.hosts):
        hosts = rendered("hosts", list(play.listed) or play.hosts)
        if hosts is not None and hosts_of(hosts) is None:
            message = f"`hosts` is a selector or a list of them, not {hosts!r}"
            errors.append(InputError(message, origin=play.places.get("hosts") or play.origin))
        name = play.name if play.name != play.hosts else None
        made = hosts_of(hosts) or play.hosts
        play = replace(play, hosts=made, name=name or made)
    if is_template(play.serial):
        sizes = rendered("serial", list(play.serial))
        serial = serial_of(sizes[0] if sizes and len(sizes) == 1 else sizes) if sizes is not None else ()
        if serial is None:
            origin = play.places.get("serial") or play.origin
            errors.append(
                InputError(f"serial: {sizes!r} is no number of nodes", origin=origin, hint=SERIAL_IS)
            )
        play = replace(play, serial=serial or ())
    if is_template(play.name):
        # a name that needs more than is known yet stays as it is written
        with suppress(TemplateError):
            play = replace(play, name=str(templates.render(play.name, scope, origin=play.origin)))
    return play
