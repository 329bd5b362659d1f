"""Evaluations from Python: circuits on the boards of a hive, results as they come."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.bitstream.evaluating import Evaluating, Options
from hivectl.engine.context import Context
from hivectl.model.errors import InputError
from hivectl.model.origin import Origin
from hivectl.model.parameters import convert
from hivectl.model.templates import Templates
from hivectl.model.variables import Scope
from hivectl.modules.evaluate import MODULE, Parameters, known_results, prepare

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from hivectl.bitstream.evaluations import Evaluation
    from hivectl.bitstream.face import Wishes
    from hivectl.client.reach import Reach
    from hivectl.modules.base import NodeContext


async def evaluate(
    reach: Reach,
    nodes: Sequence[str],
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    wishes: Wishes,
) -> AsyncGenerator[Evaluation]:
    """Measure circuits on nodes, and return each result as it comes; leaving early stops the boards.

    Args:
        reach: the way to the nodes.
        nodes: names.
        files: bitstreams or globs of them; relative to the working directory.
        wishes: how.

    Raises:
        InputError: what is asked makes no sense; nothing was measured.
    """
    parameters = _parameters(files, wishes)
    if not nodes:
        raise InputError("there are no nodes to evaluate on")
    results: asyncio.Queue[Evaluation | None] = asyncio.Queue()
    # in a task of its own: whoever takes the results may do each step in another one
    work = asyncio.create_task(_work(reach, nodes, parameters, results))
    work.add_done_callback(lambda _: results.put_nowait(None))
    try:
        while (one := await results.get()) is not None:
            yield one
        await work
    finally:
        work.cancel()
        await asyncio.wait([work])


async def _work(
    reach: Reach, nodes: Sequence[str], parameters: Parameters, results: asyncio.Queue[Evaluation | None]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        contexts: dict[str, NodeContext] = {}
        for node in nodes:
            session = await stack.enter_async_context(reach.using(node))
            contexts[node] = Context(
                node=node,
                variables=Scope(Templates(folder=Path.cwd())),
                origin=Origin("<python>", 1, 1),
                folders=(Path.cwd(),),
                run=f"one-{secrets.token_hex(4)}",
                key=MODULE.name,
                environment={},
                become=None,
                access=reach.access(node, session),
                files={},
            )
        work = await prepare(parameters, contexts)
        cache = stack.enter_context(contextlib.closing(known_results())) if parameters.cache else None
        options = Options(
            each=not parameters.spread,
            patience=parameters.patience,
            cache=cache,
            say=lambda node, message: contexts[node].say(message),
        )
        evaluating = Evaluating(work.circuits, work.sources, work.measurement, options, results.put_nowait)
        await evaluating.run()
        for node, reason in evaluating.lost.items():
            contexts[node].quarantine(f"evaluate: {reason}")


def _parameters(
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], wishes: Wishes
) -> Parameters:
    """Return what is asked as the module has it; raises InputError, Complaints."""
    given: dict[str, Any] = dict(wishes)
    several = [files] if isinstance(files, str | os.PathLike) else files
    arguments = {
        "bitstreams": [os.fspath(file) for file in several],
        "folder": str(Path.cwd()),
        "spread": not given.pop("each", False),
    }
    if "firmware" in given:
        given["firmware"] = os.fspath(given["firmware"])
    return convert(Parameters, {**given, **arguments}, what=MODULE.name)
