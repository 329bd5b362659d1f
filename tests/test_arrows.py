"""DESIGN.md's arrows: each folder imports only what stands below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "hivectl"

# each layer may import from those before it; folders of one layer stay apart, but for those named below
LAYERS = (
    ("model",),
    ("micropython", "bitstream", "helper", "reservations"),
    ("drivers", "store", "messaging", "virtual"),
    ("boards",),
    ("flash", "power"),
    ("modules",),
    ("engine",),
    ("report", "client", "project", "fleet", "scaffold"),
    ("cli",),
)
LEVEL = {folder: number for number, layer in enumerate(LAYERS) for folder in layer}


def imports(path: Path) -> set[str]:
    """Return the folders of hivectl that a file imports from, inside functions and for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "hivectl" and len(parts) > 1:
                found.add(parts[1])
    return found & set(LEVEL)


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize(
    "folder", sorted({path.relative_to(ROOT).parts[0] for path in FILES if path.parent != ROOT})
)
def test_every_folder_has_its_place(folder: str) -> None:
    assert folder in LEVEL, f"hivectl/{folder} is not in DESIGN.md's house"


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.parent != ROOT], ids=lambda path: str(path.relative_to(ROOT))
)
def test_arrows_point_down(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    wrong = {other for other in imports(path) if other != own and LEVEL[other] >= LEVEL[own]}
    assert not wrong, f"{path.relative_to(ROOT)} ({own}) imports {sorted(wrong)}, which do not stand below it"


def test_only_the_command_line_prints_or_exits() -> None:
    for path in FILES:
        if path.relative_to(ROOT).parts[0] in ("cli", "helper"):
            continue  # the helper is the program on the node: it exits there
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "sys.exit", "exit", "quit"), (
                    f"{path.relative_to(ROOT)}:{node.lineno} calls {called}"
                )


def test_the_graph_knows_nothing_of_nodes() -> None:
    assert not imports(ROOT / "engine" / "graph.py")


def test_reports_know_events_and_nothing_else_of_the_engine() -> None:
    for path in sorted((ROOT / "report").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hivectl.engine"):
                assert node.module == "hivectl.engine.events", f"{path.name} imports {node.module}"


def test_modules_import_no_driver() -> None:
    for path in sorted((ROOT / "modules").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hivectl.drivers"):
                assert node.module in ("hivectl.drivers.base", "hivectl.drivers.errors"), (
                    f"{path.name} imports {node.module}"
                )
