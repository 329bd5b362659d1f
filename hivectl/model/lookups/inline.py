"""Options that stand inside a term, as older playbooks of Ansible's have them: `path length=15`."""

from __future__ import annotations

import re
from typing import Any

from hivectl.model.parameters import parameters_of
from hivectl.model.suggestions import did_you_mean
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.words import PAIR, unquoted, words


def with_inline_options(term: str, options: type[Any]) -> tuple[str, dict[str, str]]:
    """Return a term without the `name=value` words at its end, and these.

    Args:
        term: such as `credentials/db length=15 chars=digits`.
        options: the lookup's dataclass of options.

    Raises:
        TemplateValueError: a name is no option, or something stands behind the first of them.
    """
    names = {name for one in parameters_of(options) for name in (one.name, *one.aliases)}
    rest: list[str] = []
    found: dict[str, str] = {}
    for begin, end in words(term):
        word = term[begin:end]
        match = PAIR.match(word)
        if match is None and not found:
            rest.append(word)
        elif match is None:
            raise TemplateValueError(
                f'"{word}" stands behind the options', hint="write what is looked up first"
            )
        elif match[1] not in names:
            hint = did_you_mean(match[1], names) or f"there are {', '.join(sorted(names))}"
            raise TemplateValueError(f'there is no option "{match[1]}"', hint=hint)
        else:
            found[match[1]] = unquoted(word[match.end() :])
    whole = re.match(r"\s*(.*?)\s*$", term, re.DOTALL) if not found else None
    return (whole[1] if whole else " ".join(rest)), found
