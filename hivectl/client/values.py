"""Code for a board as its prompt would take it: the values of expressions are shown.

The raw REPL runs code as a file's. MicroPython's compiler shows a value at the prompt by calling `__repl_print__` of
its builtins (py/compile.c, compile_expr_stmt), so that code which calls it itself shows exactly the same.
"""

from __future__ import annotations

import ast

SHOW = b"__repl_print__(("
HIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def showing_values(source: str) -> str:
    """Return code that also shows what its expressions are, its lines where they were.

    What is no code of Python's is returned as it is: the board says what is wrong with it.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return source
    lines = source.encode().split(b"\n")
    # from the end, so that the places of those before stay right
    for found in sorted(_expressions(module.body), key=_place, reverse=True):
        assert found.end_lineno is not None
        assert found.end_col_offset is not None
        last = lines[found.end_lineno - 1]
        lines[found.end_lineno - 1] = last[: found.end_col_offset] + b"))" + last[found.end_col_offset :]
        first = lines[found.lineno - 1]
        lines[found.lineno - 1] = first[: found.col_offset] + SHOW + first[found.col_offset :]
    return b"\n".join(lines).decode()


def _expressions(statements: list[ast.stmt]) -> list[ast.Expr]:
    """Return the statements that are expressions, but for those of functions and classes, as at a prompt."""
    found: list[ast.Expr] = []
    for statement in statements:
        if isinstance(statement, HIDDEN):
            continue
        if isinstance(statement, ast.Expr):
            found.append(statement)
            continue
        for part in ast.iter_child_nodes(statement):
            if isinstance(part, ast.stmt):
                found += _expressions([part])
            elif isinstance(part, ast.ExceptHandler | ast.match_case):
                found += _expressions(part.body)
    return found


def _place(statement: ast.Expr) -> tuple[int, int]:
    return statement.lineno, statement.col_offset
