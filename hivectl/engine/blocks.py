"""Blocks within one node's walk: rescue after a failure, `always` whatever happened, after Ctrl-C too."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.engine.failures import FailedElsewhereError, NodeGoneError, PlayEnded, StepFailedError, WalkEnded

if TYPE_CHECKING:
    from hivectl.engine.walk import Walk
    from hivectl.model.playbook import Block


async def do_block(walk: Walk, block: Block) -> None:
    """Do a block: its rescue after a failure, its always section whatever happened, after Ctrl-C too."""
    try:
        try:
            walk.rescuable += bool(block.rescue)
            try:
                await walk.do(block.body)
                await walk.flush()
                await walk.end_of(block.body, f"before {block.name} is done")
            finally:
                walk.rescuable -= bool(block.rescue)
        except (StepFailedError, FailedElsewhereError) as error:
            walk.drop_pending()
            if not block.rescue:
                raise
            walk.heard = walk.group.stop
            walk.variables.put(
                {
                    "ansible_failed_task": {
                        "name": error.task.name if error.task.named else "",
                        "action": error.task.module,
                    },
                    "ansible_failed_result": error.result,
                }
            )
            await walk.do(block.rescue)
            await walk.flush()
    except NodeGoneError:
        raise
    except asyncio.CancelledError:
        walk.drop_pending()
        await _always_when_stopped(walk, block)
        raise
    except BaseException as error:
        walk.drop_pending()
        await _always_when_left(walk, block, error)
        raise
    await walk.do(block.always)
    await walk.flush()


async def _always_when_left(walk: Walk, block: Block, error: BaseException) -> None:
    heard, walk.heard = walk.heard, walk.group.stop
    walk.leaving = walk.leaving or isinstance(error, PlayEnded)
    try:
        await walk.do(block.always)
        await walk.flush()
    finally:
        # what is left unanswered goes on to whoever is further out
        walk.heard = heard


async def _always_when_stopped(walk: Walk, block: Block) -> None:
    try:
        async with asyncio.timeout(walk.state.options.stop_after):
            await walk.do(block.always)
            await walk.flush()
    except TimeoutError:
        walk.state.say(
            f"`always` of {block.name} was cut off after {walk.state.options.stop_after:.0f} s",
            node=walk.node,
        )
    except WalkEnded as error:
        # that the reservation is lost has been told once for all nodes
        if not (isinstance(error, NodeGoneError) and error.fence_lost):
            walk.state.say(f"`always` of {block.name} ended early: {error}", node=walk.node)
