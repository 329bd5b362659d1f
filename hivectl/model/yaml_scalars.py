"""The scalars of YAML 1.1 (https://yaml.org/type/), as PyYAML resolves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD = "tag:yaml.org,2002:"


def _integer(text: str) -> int:
    """YAML 1.1: 0o is written with a bare 0, underscores are for people, colons count in sixties."""
    digits = text.replace("_", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if ":" in digits:
        return sign * int(_sixties(digits))
    if digits.startswith(("0b", "0x")):
        return sign * int(digits, 0)
    return sign * int(digits, 8 if digits.startswith("0") and digits != "0" else 10)


def _float(text: str) -> float:
    digits = text.replace("_", "").lower()
    sign = -1.0 if digits.startswith("-") else 1.0
    digits = digits.lstrip("+-")
    if ":" in digits:
        return sign * _sixties(digits)
    return sign * float(digits.removeprefix(".") if digits in {".inf", ".nan"} else digits)


def _sixties(digits: str) -> float:
    total = 0.0
    for part in digits.split(":"):
        total = total * 60 + float(part)
    return total


SCALARS: Mapping[str, Any] = {
    STANDARD + "null": lambda _text: None,
    STANDARD + "bool": lambda text: {
        "yes": True,
        "true": True,
        "on": True,
        "no": False,
        "false": False,
        "off": False,
    }[text.lower()],
    STANDARD + "int": _integer,
    STANDARD + "float": _float,
    STANDARD + "timestamp": str,
    STANDARD + "value": str,
    STANDARD + "merge": str,
}
