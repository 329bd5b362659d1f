"""What a step would have, as a digest: two of them are alike when the same would be done on the same node."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from hashlib import blake2b
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from hivectl.engine.recall import looks
from hivectl.helper.operations import Attributes, Write
from hivectl.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.engine.steps import Iteration, Step
    from hivectl.helper.operations import Operation

# bytes: enough that two of a lab's steps never meet by chance
SIZE = 12


def desired_of(step: Step) -> bytes | None:
    """Return the digest of what a step would have; None: it only looks or decides.

    Secrets are no part of it: a digest of a short one would give it away.
    """
    module = step.module
    if module.decide is not None:
        return None
    iterations = [_of_iteration(one, no_log=step.options.no_log) for one in step.iterations]
    if not any(iterations):
        return None
    options = step.options
    become = options.become.user if options.become else ""
    actors = [one.actor for one in step.iterations] if step.scattered or step.actor != step.node else ""
    return digest((module.name, become, actors, iterations))


def digest(value: Any) -> bytes:
    """Return the digest of a value whose text says all of it."""
    return blake2b(repr(value).encode("utf-8", "surrogateescape"), digest_size=SIZE).digest()


def _of_iteration(iteration: Iteration, *, no_log: bool) -> Any:
    if iteration.skipped is not None:
        return "skipped"
    if iteration.operations:
        shown = _name if no_log else _shown
        return [shown(one) for one in iteration.operations if not looks(one)]
    if no_log:
        return type(iteration.parameters).__name__
    context = iteration.context
    return [iteration.parameters, dict(context.environment) if context is not None else None]


def _shown(operation: Operation) -> Any:
    secret = isinstance(operation, Write) and operation.content.secret
    kind: Any = type(operation)
    return operation.name, _getter(kind, secret)(operation)


@cache
def _getter(cls: Any, secret: bool) -> Callable[[Any], Any]:  # noqa: FBT001  # of this file alone
    """Return what reads all fields of an operation at once: each step of each run is read so."""
    names: list[str] = []
    for one in fields(cls):
        if one.name == "content" and issubclass(cls, Write):
            names += [] if secret else ["content.sha256", "content.size"]
        elif one.type in ("Attributes", Attributes):
            names += [f"attributes.{inner.name}" for inner in fields(Attributes)]
        else:
            names.append(one.name)
    return attrgetter(*names)


def _name(operation: Operation) -> Any:
    return operation.name, getattr(operation, "path", None)


def is_private(step: Step, operation: Operation) -> bool:
    """Tell whether not even a digest of what is there may leave the node."""
    if step.options.no_log or (isinstance(operation, Write) and operation.content.secret):
        return True
    return f"{Secret('')!r}" in repr(operation)
