"""Single values as Ansible reads them: text, numbers, booleans, modes, durations."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hivectl.model.errors import InputError
from hivectl.model.secret import Secret

if TYPE_CHECKING:
    from hivectl.model.origin import Origin

TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
FALSE = frozenset({"n", "no", "off", "0", "false", "f"})
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

# the same expressions go into JSON Schemas, so they keep to what Python and ECMA 262 share
TEMPLATE = r"\{\{|\{%|\{#"
WHOLE = r"^\s*[-+]?[0-9]+\s*$"
NUMBER = r"^\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*$"
BOOLEAN = r"^\s*([yY]([eE][sS])?|[oO][nN]|1|[tT]([rR][uU][eE])?|[nN][oO]?|[oO][fF][fF]|0|[fF]([aA][lL][sS][eE])?)\s*$"
DURATION = r"^\s*([0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d|w)?|([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w)\s*)+)\s*$"
CLAUSE = r"[ugoa]*([-+=]([rwxXst]*|[ugo]))+"
SYMBOLIC = rf"{CLAUSE}(,{CLAUSE})*"
MODE = rf"^(0?o?[0-7]{{1,4}}|0[0-7]{{4}}|{SYMBOLIC}|preserve)$"

DURATION_PART = r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d|w)?"
OCTAL = r"0?o?[0-7]{1,4}|0[0-7]{4}"


class UnfitError(InputError):
    """A value is not of the kind that is asked for.

    Attributes:
        keys: the way from the value that was handed in to the one that does not fit.
    """

    def __init__(self, message: str, *, hint: str | None = None, keys: tuple[Any, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.keys = keys


def shown(value: Any) -> str:
    """Return a value as a complaint names it: short, safe, and never a secret."""
    if isinstance(value, bool):
        return "yes/true" if value else "no/false"
    if isinstance(value, int | float):
        return f"the number {value!r:.30}"
    if isinstance(value, str):
        text = value if len(value) <= 40 else f"{value[:37]}..."
        visible = "".join(character if character.isprintable() else "\ufffd" for character in text)
        return f'"{visible}"'
    names = ((type(None), "nothing"), (Secret, "a secret"), (dict, "a mapping"), ((list, tuple), "a list"))
    known = next((name for kind, name in names if isinstance(value, kind)), None)
    return known or f"a {type(value).__name__}"


def unfit(expected: str, value: Any, *, hint: str | None = None) -> UnfitError:
    """Return the complaint that `value` is not `expected`."""
    if isinstance(value, Secret):
        hint = "it would be shown there; pass it as a variable of the environment instead"
    return UnfitError(f"expected {expected}, not {shown(value)}", hint=hint)


def to_text(value: Any) -> str:
    """Text; numbers and booleans as Python writes them, as Ansible does."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise unfit("a text", value)


def to_whole(value: Any) -> int:
    """A whole number, or text of one."""
    if isinstance(value, bool):
        raise unfit("a whole number", value)
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise unfit("a whole number", value)


def to_number(value: Any) -> float:
    """A number, or text of one; never infinite."""
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise unfit("a number", value) from None
        if math.isfinite(number):
            return number
    raise unfit("a number", value)


def to_boolean(value: Any) -> bool:
    """A boolean, or one of Ansible's words for it."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        word = value.strip().lower()
        if word in TRUE:
            return True
        if word in FALSE:
            return False
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value)
    raise unfit("yes or no", value)


def to_duration(value: Any) -> float:
    """Seconds: a number, or text such as 90s, 500ms, 1h30m, 2d."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = to_number(value)
        if number >= 0:
            return number
    if isinstance(value, str) and len(value) < 100 and re.match(DURATION, value):
        number = sum(float(count) * UNITS[unit or "s"] for count, unit in re.findall(DURATION_PART, value))
        if math.isfinite(number):
            return number
    raise unfit("a duration such as 90s, 5m, 1h30m or a number of seconds", value)


def to_mode(value: Any, origin: Origin | None = None) -> str:
    """A file mode as canonical text: "0644", or symbolic as it is; "preserve" for modules that know it.

    YAML makes 420 of an unquoted 0644, and 644 of an unquoted 644, which as a mode would be 01204: never what
    was meant. The file itself, or a look at the number, tells the two apart.

    Args:
        value: a number as YAML gives it, or text.
        origin: where it was written.
    """
    expected = 'a file mode such as "0644", 0644 or u=rw,g=r'
    if isinstance(value, bool):
        raise unfit(expected, value)
    if isinstance(value, int):
        if not 0 <= value <= 0o7777:
            raise unfit(expected, value, hint=_trap(value))
        if _is_decimal(value, origin):
            raise UnfitError(
                f"{value} without a leading zero is not the mode 0{value} but {value:#o}", hint=_trap(value)
            )
        return f"{value:04o}"
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(OCTAL, text):
            return f"{int(text.replace('o', ''), 8):04o}"
        if re.match(MODE, text):
            return text
    raise unfit(expected, value)


def _trap(value: int) -> str | None:
    return f'write "0{value}", with quotes' if re.fullmatch("[0-7]{3,4}", str(value)) else None


def _is_decimal(value: int, origin: Origin | None) -> bool:
    """Whether a number that looks like an octal one was written without its leading zero."""
    if not re.fullmatch("[0-7]{3,4}", str(value)):
        return False
    written = _written(origin) if origin else None
    if written is not None:
        digits = written.replace("_", "")
        return digits == str(value)
    user, group, other = value >> 6 & 7, value >> 3 & 7, value & 7
    # nobody gives the group or others more than the owner, or writing without reading
    return group & ~user != 0 or other & ~group != 0 or any(part in {2, 3} for part in (user, group, other))


@lru_cache(maxsize=256)
def _written(origin: Origin) -> str | None:
    """Return the number as it stands in the file; None when there is none at that place (any more)."""
    try:
        with Path(origin.path).open(encoding="utf-8-sig") as file:
            lines = file.read(16 * 1024 * 1024).splitlines()
    except (OSError, ValueError):  # a file that is gone or is no text decides nothing
        return None
    if origin.line > len(lines):
        return None
    found = re.match(
        r"(?:&\S+\s+)?([0-9][0-9_]*|0[xb][0-9a-f_]+)(?![\w.])", lines[origin.line - 1][origin.column - 1 :]
    )
    return found.group(1) if found else None
