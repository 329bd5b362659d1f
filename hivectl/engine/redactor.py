"""Taking secrets out of what is shown or written, wherever a node echoes them."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from hivectl.model.secret import MASK, Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hivectl.engine.lab import Lab
    from hivectl.engine.options import RunOptions
    from hivectl.engine.plan import Plan

# characters: shorter lines of a longer secret, such as a bracket, are in ordinary texts too
SHORTEST_LINE = 4
# characters of base64, such as `slurp` returns: less is in ordinary words, too
SHORTEST_CODE = 8
_ENCODED = re.compile(r"[A-Za-z0-9+/]{8}")


class Redactor:
    """Knows the secrets of a run, those that templates made of others too."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._closed = {id(secret): secret for secret in secrets}
        self._texts: list[str] = []
        self._encoded: list[str] = []
        self.active = bool(self._closed)

    def learn(self, values: Any) -> None:
        """Know the secrets in values, at any depth."""
        for secret in find_secrets([values]):
            self._closed[id(secret)] = secret
            self.active = True

    def redact(self, value: Any) -> tuple[Any, bool]:
        """Return `value` without secrets, and whether there was one."""
        if not self.active:
            return value, False
        found = False
        texts = self._revealed()

        def clean(part: Any) -> Any:
            nonlocal found
            if isinstance(part, str):
                for text in texts:
                    if text in part:
                        found = True
                        part = part.replace(text, MASK)
                if texts and _ENCODED.search(part):
                    for text in self._encoded:
                        if text in part:
                            found = True
                            part = part.replace(text, MASK)
                return part
            if isinstance(part, dict):
                return {clean(key): clean(item) for key, item in part.items()}
            if isinstance(part, list | tuple):
                return [clean(item) for item in part]
            if isinstance(part, Secret):
                found = True
                return MASK
            return part

        return clean(value), found

    def _revealed(self) -> list[str]:
        """Return the texts that are in memory, longest first.

        A secret that was never revealed cannot have got out; revealing it here would call a password store for nothing.
        """
        new = [secret for secret in self._closed.values() if secret.revealed]
        if new:
            for secret in new:
                del self._closed[id(secret)]
            texts = {*self._texts, *(part for secret in new for part in _parts(secret.reveal()))} - {""}
            self._texts = sorted(texts, key=len, reverse=True)
            self._encoded = sorted(
                {code for text in texts for code in _encodings(text)}, key=len, reverse=True
            )
        return self._texts


def _parts(text: str) -> list[str]:
    """Return a secret and, since outputs are shown by lines, its lines, but for those too short to be one."""
    lines = [line.strip() for line in text.splitlines()]
    return [text, *(line for line in lines if len(line) >= SHORTEST_LINE)]


def _encodings(text: str) -> Iterator[str]:
    """Yield what base64 (RFC 4648) makes of a text within a longer one: it depends on where in three bytes it begins."""
    data = text.encode("utf-8", "surrogateescape")
    for before in range(3):
        code = b64encode(bytes(before) + data).decode("ascii")
        # the characters at both ends hold bits of what stands before and behind, too
        first = -(-before * 8 // 6)
        last = (before + len(data)) * 8 // 6
        if last - first >= SHORTEST_CODE:
            yield code[first:last]


def find_secrets(roots: list[Any]) -> Iterator[Secret]:
    """Yield every secret in values, at any depth, without revealing any."""
    rest = list(roots)
    seen: set[int] = set()
    while rest:
        value = rest.pop()
        if isinstance(value, Secret):
            yield value
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            rest += value.values() if isinstance(value, dict) else value


def secrets_of(lab: Lab, plan: Plan, options: RunOptions) -> Iterator[Secret]:
    """Find every secret that the files and the command line hold, without revealing any."""
    inventory = lab.inventory
    roots: list[Any] = [inventory.variables, options.extra_variables, options.become_password]
    roots += [dict(answers) for answers in options.answers.values()]
    roots += [hive.variables for hive in inventory.hives.values()]
    for node in inventory.nodes.values():
        roots.append(node.variables)
        roots += [connection.attributes for connection in node.connections]
    for play in plan.playbook.plays:
        roots.append(play.variables)
    used = [*(role for play in plan.playbook.plays for role in play.roles)]
    used += [task.role for task in plan.tasks.values() if task.role is not None]
    for role in {id(role): role for role in used}.values():
        roots += [role.defaults, role.variables, role.parameters]
    for task in plan.tasks.values():
        roots += [task.arguments, task.keywords, *task.variables, *task.environment]
    return find_secrets(roots)
