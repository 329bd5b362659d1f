"""What a board is asked costs few programs: each is a round trip at least."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hivectl.helper.operations import Content, Directory, Operation, Write
from hivectl.micropython import sync
from tests.support.boards import board, connected_board, count_programs, results

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_sync_of_fifty_files_is_few_programs_and_one_with_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "firmware"
    folder.mkdir()
    for number in range(50):
        (folder / f"controller_{number:02d}.py").write_text(f"number = {number}\n" * (number + 1))
    operations: list[Operation] = [Directory(path="/lib/firmware")]
    operations += [
        Write(path=f"/lib/firmware/{path.name}", content=Content.of(path.read_bytes()), make_parents=True)
        for path in sorted(folder.iterdir())
    ]

    async def scenario() -> None:
        async with board(tmp_path) as bench, connected_board(bench) as connection:
            await connection.files.features()
            sent = count_programs(connection.repl._wire, monkeypatch)
            first = await results(connection, *operations)
            assert [result["changed"] for result in first] == [True] * 51
            # one that looks, and some 3 KB of files in each of the others
            assert len(sent) <= 5, sent
            sent.clear()
            second = await results(connection, *operations)
            assert [result["changed"] for result in second] == [False] * 51
            assert len(sent) == 1, sent
            # so does the sync below it
            sent.clear()
            assert (await sync.compare(connection.files, folder, "/lib/firmware")).same
            assert len(sent) == 1, sent

    asyncio.run(scenario())
