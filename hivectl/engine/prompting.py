"""Asking for the variables of `vars_prompt`, before anything is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hivectl.model.errors import Complaints, HivectlError, InputError
from hivectl.model.secret import Secret
from hivectl.model.templates import Templates
from hivectl.model.variables import Layer, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.engine.options import RunOptions
    from hivectl.model.playbook import Playbook
    from hivectl.model.prompts import Prompt


def answered(playbook: Playbook, options: RunOptions) -> dict[int, dict[str, Any]]:
    """Return number of the play -> answers; what `-e` gives is not asked for.

    Raises:
        Complaints: there is nobody to ask.
    """
    asked = {
        play.number: [prompt for prompt in play.prompts if prompt.name not in options.extra_variables]
        for play in playbook.plays
    }
    if options.ask is None:
        nobody: list[HivectlError] = [
            InputError(
                f"`{prompt.name}` is asked for, and there is no terminal",
                origin=prompt.origin,
                hint=f"give it with -e {prompt.name}=…",
            )
            for prompts in asked.values()
            for prompt in prompts
        ]
        if nobody:
            raise Complaints(nobody)
        return {}
    return {
        play.number: {prompt.name: _answer(prompt, play.variables, options) for prompt in asked[play.number]}
        for play in playbook.plays
        if asked[play.number]
    }


def _answer(prompt: Prompt, variables: Mapping[str, Any], options: RunOptions) -> Any:
    assert options.ask is not None
    answer: Any = options.ask(prompt)
    if not answer and prompt.default is not None:
        templates = Templates()
        scope = Scope(templates, [Layer("play", variables), Layer("-e", options.extra_variables)])
        answer = templates.render(prompt.default, scope, origin=prompt.origin)
    return Secret(str(answer)) if prompt.private and not isinstance(answer, Secret) else answer
