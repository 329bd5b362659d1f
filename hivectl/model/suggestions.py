"""The nearest right name, for complaints about a wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CANDIDATES = 5_000  # comparing is quadratic in length: beyond this a suggestion is not worth the wait
LENGTH = 100


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that was probably meant by `name`, or None when nothing is near.

    Args:
        name: what was written.
        candidates: every right name.
    """
    from difflib import get_close_matches

    if len(name) > LENGTH:
        return None
    known = [candidate for candidate in candidates if len(candidate) <= LENGTH][:CANDIDATES]
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in reversed(known)}
    wanted = name.casefold().replace("-", "_")
    if wanted in folded:
        return folded[wanted] if folded[wanted] != name else None
    # short names differ much by one letter, so they need a lower bar
    found = get_close_matches(wanted, folded, n=1, cutoff=0.6 if len(name) > 3 else 0.5)
    return folded[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str | None:
    """Return a hint such as `did you mean "host"?`, or None when nothing is near."""
    found = nearest(name, candidates)
    return f'did you mean "{found}"?' if found else None


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Return names as one readable text, cut after `limit` of them."""
    known = sorted(names)
    more = f" and {len(known) - limit} more" if len(known) > limit else ""
    return ", ".join(known[:limit]) + more
