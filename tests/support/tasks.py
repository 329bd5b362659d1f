"""Run one task of a module on this machine as the engine does, without the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Target
from hivectl.helper.operations import Batch, Item
from hivectl.model.origin import Origin
from hivectl.model.parameters import convert
from hivectl.modules.base import Module, ModuleError, Result, merge_results
from hivectl.modules.registry import find_module

if TYPE_CHECKING:
    from pathlib import Path

    from hivectl.drivers.base import Capability, Connection, Stream
    from hivectl.flash.base import Plug
    from hivectl.helper.operations import Become, ItemResult, Operation
    from hivectl.model.secret import Secret
    from hivectl.model.templates import Templates
    from hivectl.power.base import Power

ORIGIN = Origin("play.yml", 1, 1)


@cache
def templates() -> Templates:
    """Return one template engine for all tasks, as a run has it."""
    from hivectl.model.templates import Templates

    return Templates()


@dataclass(frozen=True, kw_only=True)
class TaskOnThisMachine:
    """Both contexts of `hivectl.modules.base`, over one connection."""

    folder: Path
    open_connection: Connection | None = None
    node: str = "n1"
    variables: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = ORIGIN
    environment: Mapping[str, Any] = field(default_factory=dict)
    check: bool = False
    diff: bool = False
    run: str = "test"
    become: Become | None = None
    said: list[str] = field(default_factory=list)

    def render(self, template: str, *, origin: Origin | None = None, **extra: Any) -> Any:
        return templates().render(template, {**self.variables, **extra}, origin=origin or self.origin)

    def render_text(self, text: str, *, path: Path, options: Mapping[str, Any], **extra: Any) -> str | Secret:
        from hivectl.model.templates import TemplateOptions

        return templates().render_text(
            text,
            {**self.variables, **extra},
            options=TemplateOptions(**options),
            origin=Origin(str(path), 1, 1),
            searchpath=(path.parent,),
        )

    def load_yaml(self, path: Path) -> Any:
        from hivectl.model.yaml import load_yaml

        return load_yaml(path)

    def evaluate(self, condition: Any) -> bool:
        return templates().evaluate(condition, self.variables, origin=self.origin)

    def find_file(self, name: str, folder: str = "files") -> Path:
        for path in (self.folder / folder / name, self.folder / name):
            if path.exists():
                return path
        raise ModuleError(f"there is no {name}", origin=self.origin)

    async def operate(self, *operations: Operation) -> list[ItemResult]:
        assert self.open_connection is not None
        items = tuple(
            Item(key=f"t{place}", step=0, chain=0, operation=operation, check=self.check, diff=self.diff)
            for place, operation in enumerate(operations)
        )
        batch = Batch(run=self.run, items=items)
        return [result async for result in self.open_connection.operate(batch, self.become)]

    async def connection(self, *needed: Capability) -> Connection:
        assert self.open_connection is not None
        assert set(needed) <= self.open_connection.capabilities
        return self.open_connection

    async def reconnect(self, *, deadline: float) -> None:
        raise NotImplementedError

    async def disconnect(self) -> None:
        raise NotImplementedError

    def power(self) -> Power:
        raise NotImplementedError

    async def plug(self) -> Plug:
        raise NotImplementedError

    def quarantine(self, reason: str) -> None:
        raise NotImplementedError

    @property
    def board(self) -> str | None:
        return None

    async def line(self) -> Stream:
        raise NotImplementedError

    def partial(self, data: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def say(self, message: str) -> None:
        self.said.append(message)


async def connect(state: Path, *, shell: str = "") -> Connection:
    """Open the local driver's connection, to a helper without Python where a shell is named."""
    from hivectl.drivers.local import DRIVER

    attributes = convert(DRIVER.attributes, {"python": "none", "sh": shell} if shell else {})
    return await DRIVER.connect(Target(node="n1", connection="local", attributes=attributes, state=state))


def parameters_of(module: Module[Any], arguments: Any, context: TaskOnThisMachine) -> Any:
    """Convert what a playbook says, after rendering what is not left to the module."""
    from dataclasses import fields

    if not isinstance(arguments, Mapping):
        arguments = {} if arguments is None else {module.free_form or "free_form": arguments}
    kept = {
        name
        for one in fields(module.parameters)
        if one.metadata.get("kind") == "template"
        for name in (one.name, *one.metadata.get("aliases", ()))
    }
    rendered = {
        name: value
        if name in kept or "{{" not in str(value)
        else templates().render(value, context.variables, origin=context.origin)
        for name, value in arguments.items()
    }
    return convert(module.parameters, rendered, origin=context.origin, what=module.name)


async def perform(name: str, arguments: Any, context: TaskOnThisMachine) -> Result:
    """Carry out one task and return its result; a ModuleError becomes a failed one, as in the engine."""
    module = find_module(name)
    parameters = parameters_of(module, arguments, context)
    if context.check and module.check_mode == "none":
        return {"changed": False, "skipped": True}
    try:
        if module.decide is not None:
            return module.decide(parameters, context)
        seen = replace(context, check=False) if module.check_mode == "always" else context
        if module.procedure is not None:
            return await module.procedure(parameters, seen)
        assert module.operations is not None
        results: Sequence[ItemResult] = await seen.operate(*module.operations(parameters, context))
        if module.result is not None:
            return module.result(parameters, results, context)
        return merge_results(results)
    except ModuleError as error:
        return {"changed": False, "failed": True, "msg": error.message}


def do(name: str, arguments: Any, folder: Path, **more: Any) -> Result:
    """Carry out one task on this machine, over a connection of its own."""

    async def whole() -> Result:
        connection = await connect(folder / ".state")
        try:
            return await perform(
                name, arguments, TaskOnThisMachine(folder=folder, open_connection=connection, **more)
            )
        finally:
            await connection.close()

    return asyncio.run(whole())


def decide(name: str, arguments: Any, folder: Path, **more: Any) -> Result:
    """Carry out one task that needs no connection."""
    return asyncio.run(perform(name, arguments, TaskOnThisMachine(folder=folder, **more)))
