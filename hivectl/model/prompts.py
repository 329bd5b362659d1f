"""`vars_prompt`: variables of a play that a person is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.records import record
from hivectl.model.yaml import YamlMapping

if TYPE_CHECKING:
    from collections.abc import Callable

    from hivectl.model.origin import Origin

HASHES = "the answer is not hashed: write `{{ answer | password_hash }}` where it is used"
REFUSED = dict.fromkeys(("encrypt", "salt", "salt_size"), HASHES)


@record(kw_only=True)
class Prompt:
    """One question.

    Attributes:
        name: the variable that takes the answer.
        text: what is asked.
        default: for an empty answer; a template may be in it.
        private: the answer is not shown while it is typed, and never printed afterwards.
        confirm: it is asked for twice.
    """

    name: str
    text: str
    origin: Origin
    default: Any = None
    private: bool = True
    confirm: bool = False


def read_prompts(
    raw: YamlMapping, complain: Callable[[str, Origin | None, str | None], None]
) -> tuple[Prompt, ...]:
    """Return a play's questions.

    Args:
        raw: the play.
        complain: takes what happened, where, and what to do.
    """
    found = []
    for item in raw.get("vars_prompt") or ():
        if not isinstance(item, YamlMapping) or not str(item.get("name") or "").isidentifier():
            place = item.origin if isinstance(item, YamlMapping) else raw.key_origins.get("vars_prompt")
            complain("a prompt needs the `name:` of a variable", place, "`- {name: version, prompt: Which?}`")
            continue
        for key in item:
            if key in REFUSED:
                complain(f"`vars_prompt` does not support `{key}`", item.key_origins.get(key), REFUSED[key])
            elif key not in ("name", "prompt", "default", "private", "confirm", "unsafe"):
                hint = "there are name, prompt, default, private, confirm"
                complain(f"`vars_prompt` has no `{key}`", item.key_origins.get(key), hint)
        if item.get("unsafe") is False:
            hint = "leave `unsafe` out"
            complain("an answer is never taken for a template", item.key_origins.get("unsafe"), hint)
        found.append(
            Prompt(
                name=item["name"],
                text=str(item.get("prompt") or item["name"]),
                origin=item.origin,
                default=item.get("default"),
                private=bool(item.get("private", True)),
                confirm=bool(item.get("confirm", False)),
            )
        )
    return tuple(found)
