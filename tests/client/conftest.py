from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.tmux_hosts import TmuxLab, tmux_lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hivectl import Node


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TmuxLab]:
    """Three hosts with tmux and bash, shared by a file's tests: each begins with no shell there."""
    with tmux_lab(tmp_path_factory.mktemp("lab"), 3) as made:
        yield made


@pytest.fixture
def nodes(lab: TmuxLab, monkeypatch: pytest.MonkeyPatch) -> Iterator[TmuxLab]:
    """The hosts as this test's lab; their tmux servers end behind it."""
    monkeypatch.setenv("HIVECTL_INVENTORY", str(lab.inventory))
    yield lab
    lab.end_tmux()
    for host in lab.hosts:
        # the next test has a store of its own, whose fences know nothing of ours
        (host.home / ".hivelock").unlink(missing_ok=True)


@pytest.fixture
def node(nodes: TmuxLab) -> Iterator[Node]:
    """The first host."""
    from hivectl import Node

    assert nodes.hosts
    with Node("h1") as one:
        yield one


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., TmuxLab]]:
    """Give a function that makes a lab of other hosts: `bench(count, shell=..., runs=...)`."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def make(count: int = 1, **options: str) -> TmuxLab:
            folder = tmp_path / f"bench{count}"
            folder.mkdir()
            made = stack.enter_context(tmux_lab(folder, count, **options))
            monkeypatch.setenv("HIVECTL_INVENTORY", str(made.inventory))
            return made

        yield make
