"""`on_release:`: nodes are put in order before somebody else has them, or are kept from everybody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.engine.options import RunOptions
from hivectl.engine.run import run_playbook
from hivectl.model.errors import HivectlError
from hivectl.model.inventory import clean_up_for
from hivectl.store.health import NodeHealth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hivectl.engine.events import RunEnded
    from hivectl.engine.lab import Lab
    from hivectl.model.cleanup import CleanUp
    from hivectl.reservations.base import Grant
    from hivectl.store.base import Store

# seconds for a clean-up that was stopped to end its `always` sections
STOPPING = 10.0


async def clean_up(lab: Lab, store: Store, grant: Grant, nodes: Iterable[str]) -> dict[str, str]:
    """Run the clean-up playbooks of nodes under their reservation, each within its time.

    A node whose clean-up fails is quarantined with the reason; all others are clean.

    Args:
        lab: the nodes' lab.
        store: its database.
        grant: holds the nodes.
        nodes: to be cleaned up.

    Returns:
        node -> why it could not be.
    """
    groups: dict[CleanUp, list[str]] = {}
    clean = []
    for node in nodes:
        found = clean_up_for(lab.inventory, node) if node in lab.inventory.nodes else None
        if found is None:
            clean.append(node)
        else:
            groups.setdefault(found, []).append(node)
    failed: dict[str, str] = {}
    async with asyncio.TaskGroup() as tasks:
        running = {
            found: tasks.create_task(_one(lab, grant, found, names)) for found, names in groups.items()
        }
    for found, task in running.items():
        failed |= task.result()
        clean += [node for node in groups[found] if node not in task.result()]
    health = NodeHealth(store)
    await asyncio.to_thread(health.cleaned, clean)
    for node, reason in failed.items():
        await asyncio.to_thread(health.quarantine, [node], reason, "clean-up")
    return failed


async def _one(lab: Lab, grant: Grant, found: CleanUp, nodes: list[str]) -> dict[str, str]:
    """Run one playbook on its nodes; returns those that are not clean."""
    options = RunOptions(
        playbook=found.playbook,
        limit=":".join(nodes),
        reservation=(grant.reservation, grant.key),
        reason=f"clean-up {found.playbook.name}",
        stop_after=STOPPING,
    )
    name = found.playbook.name
    run = asyncio.ensure_future(run_playbook(lab, options, ()))
    try:
        done, _ = await asyncio.wait([run], timeout=found.within)
        if not done:
            run.cancel("interrupted")
            await asyncio.wait([run])
            return dict.fromkeys(nodes, f"{name} did not finish within {found.within:g} s")
        ended = run.result()
    except HivectlError as error:
        return dict.fromkeys(nodes, f"{name}: {error.message}")
    except asyncio.CancelledError:
        run.cancel("interrupted")
        await asyncio.wait([run])
        raise
    return {node: reason for node in nodes if (reason := _fault(ended, node, name))}


def _fault(ended: RunEnded, node: str, name: str) -> str | None:
    """Return why a node is not clean, None when it is."""
    summary = ended.nodes.get(node)
    if summary is None:
        return None if ended.status == "ok" else f"{name}: {ended.reason or ended.status}"
    if summary.unreachable:
        return f"{name}: unreachable"
    return f"{name}: a step failed (hivectl run show {ended.run})" if summary.failed else None
