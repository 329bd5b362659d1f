"""Downloads: who gets a password, whom we believe, and what is left after a fault."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.model.secret import Secret
from tests.support.tasks import TaskOnThisMachine, connect, do, perform
from tests.support.web import FILE, PASSWORD, USER, Web, make_certificate, web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(name="server", scope="module")
def fixture_server() -> Iterator[Web]:
    """A server for all tests of this file."""
    with web() as server:
        yield server


def get(folder: Path, url: str, **arguments: Any) -> dict[str, Any]:
    return do("get_url", {"url": url, "dest": str(folder / "got"), **arguments}, folder)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".state")


def test_another_host_gets_no_password_after_a_redirect(tmp_path: Path, server: Web) -> None:
    given = {"url_username": USER, "url_password": PASSWORD, "force_basic_auth": True}

    get(tmp_path, f"http://{server.place}/elsewhere", **given)
    elsewhere = (tmp_path / "got").read_text()
    get(tmp_path, f"http://{server.place}/moved_whoami", **given)
    here = (tmp_path / "got").read_text()

    assert elsewhere == "nobody"
    assert here.startswith("Basic ")


def test_another_host_gets_no_private_header_after_a_redirect(tmp_path: Path, server: Web) -> None:
    get(tmp_path, f"http://{server.place}/elsewhere", headers={"Authorization": "Bearer open-sesame"})

    assert (tmp_path / "got").read_text() == "nobody"


@pytest.mark.parametrize("path", ["none", "broken", "cut", "private", "loop"])
def test_no_message_holds_a_password(tmp_path: Path, server: Web, path: str) -> None:
    result = get(tmp_path, f"http://{USER}:hunter2@{server.place}/{path}", url_password=Secret("hunter3"))

    assert result["failed"]
    assert "hunter" not in str(result)


def test_a_certificate_must_be_good_unless_nobody_cares(tmp_path: Path) -> None:
    with web(make_certificate(tmp_path / "server.pem")) as server:
        refused = get(tmp_path, f"https://{server.place}/file.txt")
        taken = get(tmp_path, f"https://{server.place}/file.txt", validate_certs=False)

    assert refused["failed"]
    assert "certificate verify failed" in refused["msg"]
    assert taken["changed"]
    assert (tmp_path / "got").read_bytes() == FILE


@pytest.mark.parametrize("path", ["cut", "chunked_cut", "packed_cut", "hangs_within", "local", "loop"])
def test_a_fault_of_the_server_leaves_what_was_there(tmp_path: Path, server: Web, path: str) -> None:
    (tmp_path / "got").write_text("old\n")

    result = get(tmp_path, f"http://{server.place}/{path}", force=True, timeout=1)

    assert result["failed"]
    assert not result["changed"]
    assert result["msg"]
    assert (tmp_path / "got").read_text() == "old\n"
    assert left(tmp_path) == ["got"]


def test_a_silent_server_is_named(tmp_path: Path, server: Web) -> None:
    result = get(tmp_path, f"http://{server.place}/hangs", timeout=1)

    assert "was silent for 1 s" in result["msg"]


def test_a_wrong_checksum_keeps_neither_file_nor_backup(tmp_path: Path, server: Web) -> None:
    (tmp_path / "got").write_text("old\n")

    result = get(tmp_path, f"http://{server.place}/file.txt", checksum=f"sha256:{'0' * 64}", backup=True)

    assert "did not match" in result["msg"]
    assert left(tmp_path) == ["got"]
    assert (tmp_path / "got").read_text() == "old\n"


def test_the_servers_name_for_a_file_leads_nowhere_else(tmp_path: Path, server: Web) -> None:
    (tmp_path / "in").mkdir()

    for path, name in (("badly_named", "escape"), ("dots", "dots")):
        assert get(tmp_path, f"http://{server.place}/{path}", dest=str(tmp_path / "in"))["changed"]
        assert (tmp_path / "in" / name).read_bytes() == FILE

    assert left(tmp_path) == ["in"]


def test_a_download_ends_when_nobody_wants_it_any_more(tmp_path: Path, server: Web) -> None:
    async def whole() -> None:
        connection = await connect(tmp_path / ".state")
        context = TaskOnThisMachine(folder=tmp_path, open_connection=connection)
        given = {"url": f"http://{server.place}/hangs_within", "dest": str(tmp_path / "got"), "timeout": 30}
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await perform("get_url", given, context)
        finally:
            await connection.close()

    asyncio.run(whole())
    server.over.set()

    assert "got" not in left(tmp_path)
