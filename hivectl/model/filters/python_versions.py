"""The order of versions of Python packages, https://packaging.python.org/en/latest/specifications/version-specifiers/."""

from __future__ import annotations

import re
from typing import Any

from hivectl.model.templating.errors import TemplateValueError

VERSION = re.compile(
    r"""\s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d*))?
    (?:-(?P<implied>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_number>\d*))?
    (?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_number>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
STAGES = {"a": 1, "alpha": 1, "b": 2, "beta": 2, "c": 3, "rc": 3, "pre": 3, "preview": 3}
DEV_ONLY, FINAL = 0, 4  # a bare development release is before all others, a release behind its candidates


def python_version(text: str) -> tuple[Any, ...]:
    """Return what such versions are ordered by; raises TemplateValueError."""
    found = VERSION.fullmatch(text)
    if found is None:
        raise TemplateValueError(
            f'"{text}" is no version of a Python package', hint="such as 1.2, 1.2rc1, 1.2.post1"
        )
    release = [int(part) for part in found["release"].split(".")]
    while len(release) > 1 and not release[-1]:
        release.pop()
    has_post = bool(found["post"] or found["implied"])
    stage = STAGES[found["pre"].lower()] if found["pre"] else FINAL
    if found["dev"] and not found["pre"] and not has_post:
        stage = DEV_ONLY
    post = int(found["post_number"] or found["implied"] or 0) if has_post else -1
    dev = (0, int(found["dev_number"] or 0)) if found["dev"] else (1, 0)
    local = re.split(r"[-_.]", found["local"].lower()) if found["local"] else []
    # numbers are behind words there
    parts = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in local)
    return (
        int(found["epoch"] or 0),
        tuple(release),
        (stage, int(found["pre_number"] or 0)),
        post,
        dev,
        parts,
    )
