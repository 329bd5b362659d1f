"""`get_url`: as ansible-core does it, from a server on this machine."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, case, fails, looks
from tests.support.web import FILE, PASSWORD, SHA256, USER, web

if TYPE_CHECKING:
    from pathlib import Path

GOT = "{tree}/got"
KEYS = (
    "dest",
    "url",
    "status_code",
    "msg",
    "checksum_src",
    "checksum_dest",
    "md5sum",
    "mode",
    "size",
    "state",
)
# what is there already is as old as the server's, or newer
OLD, NEW = 1_600_000_000, 1_750_000_000


def there(content: bytes, when: int) -> Any:
    def prepare(tree: Path) -> None:
        (tree / "got").write_bytes(content)
        os.utime(tree / "got", (when, when))

    return prepare


def get(name: str, path: str, *keys: str, **more: Any) -> Case:
    """Return a case that gets a path of the server; arguments that are no option of a case are the module's."""
    options = {key: more.pop(key) for key in ("prepare", "links", "again") if key in more}
    arguments = {"url": f"http://{{web}}/{path}", "dest": GOT, **more}
    return case(name, arguments, *(keys or KEYS), **options)


def refused(name: str, path: str, *keys: str, **more: Any) -> Case:
    return get(name, path, *(keys or ("failed",)), again=False, **more)


CASES = [
    get("plain", "file.txt"),
    get("into_folder", "file.txt", dest="{tree}/dir"),
    get("into_folder_with_slash", "file.txt?x=1", dest="{tree}/dir/"),
    get("into_folder_index", "file/", dest="{tree}/dir"),
    get("into_folder_named", "named", dest="{tree}/dir", again=False),
    get("into_folder_badly_named", "badly_named", dest="{tree}/dir", again=False),
    get("into_folder_after_redirect", "moved", dest="{tree}/dir", again=False),
    get("empty", "empty"),
    get("mode", "file.txt", mode="0600"),
    get("older_there", "file.txt", prepare=there(b"old\n", OLD)),
    get("newer_there", "file.txt", prepare=there(b"new\n", NEW)),
    get("newer_there_mode", "file.txt", prepare=there(b"new\n", NEW), mode="0600"),
    get("newer_there_forced", "file.txt", prepare=there(b"new\n", NEW), force=True),
    get("same_there", "file.txt", prepare=there(FILE, OLD)),
    get("same_there_mode", "file.txt", prepare=there(FILE, OLD), mode="0600"),
    get("same_there_forced", "file.txt", prepare=there(FILE, NEW), force=True),
    get("backup", "file.txt", prepare=there(b"old\n", OLD), backup=True),
    get("backup_same", "file.txt", prepare=there(FILE, OLD), backup=True),
    get("link_there", "file.txt", links={"got": "file.txt"}, force=True),
    get("link_to_nothing", "file.txt", links={"got": "nothing"}, again=False),
    get("checksum", "file.txt", checksum=f"sha256:{SHA256}"),
    get("checksum_upper", "file.txt", checksum=f"sha256:{SHA256.upper()}"),
    get("checksum_sha1", "file.txt", checksum=f"sha1:{hashlib.sha1(FILE).hexdigest()}", again=False),
    get("checksum_md5", "file.txt", checksum=f"md5:{hashlib.md5(FILE).hexdigest()}", again=False),
    get("checksum_there", "file.txt", prepare=there(FILE, OLD), checksum=f"sha256:{SHA256}"),
    get(
        "checksum_there_mode", "file.txt", prepare=there(FILE, OLD), checksum=f"sha256:{SHA256}", mode="0600"
    ),
    get("checksum_other_there", "file.txt", prepare=there(b"x", NEW), checksum=f"sha256:{SHA256}"),
    get("checksum_list", "file.txt", checksum="sha256:http://{web}/SUMS"),
    get("checksum_list_bsd", "file.txt", checksum="sha256:http://{web}/BSD", again=False),
    get("checksum_single", "file.txt", checksum="sha256:http://{web}/SUM", again=False),
    get("redirect", "moved", again=False),
    get("chunked", "chunked", again=False),
    get("packed", "packed", again=False),
    get("packed_as_it_is", "packed", decompress=False, again=False),
    get("headers", "echo", headers={"X-Lab": "basel", "X-Number": 7}, again=False),
    get("agent", "echo", http_agent="hive/1", again=False),
    get("redirected_headers", "moved_echo", headers={"X-Lab": "basel"}, again=False),
    get(
        "unredirected_headers",
        "moved_echo",
        headers={"X-Lab": "basel", "X-Other": "o"},
        unredirected_headers=["X-Lab"],
        again=False,
    ),
    get("basic", "private", url_username=USER, url_password=PASSWORD, again=False),
    get("basic_at_once", "private", username=USER, password=PASSWORD, force_basic_auth=True, again=False),
    get("basic_in_url", "", url=f"http://{USER}:{PASSWORD}@{{web}}/private", again=False),
    get("tmp_dest", "file.txt", tmp_dest="{tree}/dir"),
    get("file_url", "", *KEYS[4:], url="file://{tree}/file.txt", again=False),
    get("no_proxy", "file.txt", use_proxy=False, again=False),
    refused("not_found", "none", "msg", "status_code", "response", "dest", "url"),
    refused("forbidden", "forbidden", "msg", "status_code", "response"),
    refused("broken", "broken", "msg", "status_code", "response"),
    refused("no_content", "nothing"),
    refused("wrong_password", "private", "status_code", url_username=USER, url_password="wrong"),
    refused("loop", "loop"),
    refused("redirect_to_file", "local"),
    refused("cut", "cut"),
    refused("chunked_cut", "chunked_cut"),
    refused("hangs", "hangs", timeout=1),
    refused("hangs_within", "hangs_within", timeout=1),
    refused("nobody_listens", "", url="http://127.0.0.1:1/x"),
    refused("no_such_host", "", url="http://no-such-host.invalid/x"),
    refused("no_url", "", url="nothing"),
    refused("odd_scheme", "", url="gopher://127.0.0.1/x"),
    refused("wrong_checksum", "file.txt", checksum=f"sha256:{'0' * 64}"),
    refused("wrong_checksum_there", "file.txt", checksum=f"sha256:{'0' * 64}", prepare=there(b"x", OLD)),
    refused("checksum_without_algorithm", "file.txt", "msg", checksum=SHA256),
    refused("checksum_of_no_algorithm", "file.txt", checksum=f"sha257:{SHA256}"),
    refused("checksum_no_number", "file.txt", "msg", checksum="sha256:xyz"),
    refused("checksum_not_listed", "echo", checksum="sha256:http://{web}/SUMS"),
    refused("checksum_list_none", "file.txt", checksum="sha256:http://{web}/none"),
    refused("no_folder", "file.txt", "msg", dest="{tree}/none/got"),
    refused("no_folder_with_slash", "file.txt", dest="{tree}/none/"),
    refused("tmp_dest_none", "file.txt", tmp_dest="{tree}/none"),
    refused("tmp_dest_file", "file.txt", tmp_dest="{tree}/file.txt"),
    looks("check", {"url": "http://{web}/file.txt", "dest": GOT}, "dest", "url", "msg"),
    looks("check_there", {"url": "http://{web}/file.txt", "dest": GOT}, "dest", prepare=there(b"x", OLD)),
    looks("check_newer", {"url": "http://{web}/file.txt", "dest": GOT}, "msg", prepare=there(b"x", NEW)),
    looks(
        "check_checksum",
        {"url": "http://{web}/file.txt", "dest": GOT, "checksum": f"sha256:{SHA256}"},
        "msg",
        prepare=there(FILE, OLD),
    ),
    fails("no_dest", {"url": "http://{web}/file.txt"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    with web() as server:
        assert_as_ansible("get_url", CASES, tmp_path, filled={"web": server.place}, without_python=True)
