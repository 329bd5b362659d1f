"""Conditions of which it is known before any run that they are none: empty ones, and constants of other kinds."""

from __future__ import annotations

import ast
from typing import Any

from hivectl.model.errors import InputError

KINDS = {str: "a text", int: "a number", float: "a number", dict: "a mapping", type(None): "null"}


def surely_no_condition(text: Any) -> InputError | None:
    """Return what is wrong with a condition as it is written, None where it may be one."""
    hint = "write an expression, true or false"
    if isinstance(text, bool):
        return None
    if not isinstance(text, str):
        return InputError(f"a condition is a text, true or false, not {_kind(text)}", hint=hint)
    if not text.strip():
        return InputError("this condition is empty", hint=hint)
    try:
        constant = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    if isinstance(constant, bool):
        return None
    return InputError(f"the condition {text.strip()} is {_kind(constant)}, not true or false", hint=hint)


def _kind(value: Any) -> str:
    return next((word for kind, word in KINDS.items() if isinstance(value, kind)), "a list")
