"""`copy`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.as_ansible import assert_as_ansible, case, fails

if TYPE_CHECKING:
    from pathlib import Path
SOURCES = {
    "files/plain.txt": "from here\n",
    "files/folder/one.txt": "1\n",
    "files/folder/deep/two.txt": "2\n",
    "files/folder/empty/": "",
    "files/sealed": "$ANSIBLE_VAULT;1.1;AES256\n3361\n",
    "files/safe/sealed": "$ANSIBLE_VAULT;1.1;AES256\n3361\n",
}
CASES = [
    case(
        "copy",
        {"src": "plain.txt", "dest": "{tree}/copied", "mode": "0640"},
        "checksum",
        "dest",
        "mode",
        "size",
    ),
    case("text_preserve", {"content": "x", "dest": "{tree}/text", "mode": "preserve"}, "mode"),
    case("copy_into", {"src": "plain.txt", "dest": "{tree}/dir"}, "dest"),
    case("copy_slash", {"src": "plain.txt", "dest": "{tree}/made/", "directory_mode": "0711"}, "dest"),
    case("copy_backup", {"src": "plain.txt", "dest": "{tree}/file.txt", "backup": True}),
    fails("copy_no_force", {"src": "plain.txt", "dest": "{tree}/file.txt", "force": False}),
    case(
        "copy_link_follow",
        {"src": "plain.txt", "dest": "{tree}/link", "follow": True},
        links={"link": "file.txt"},
    ),
    fails("copy_preserve", {"src": "plain.txt", "dest": "{tree}/copied", "mode": "preserve"}),
    fails(
        "copy_invalid",
        {"src": "plain.txt", "dest": "{tree}/copied", "validate": "grep -c nothing %s"},
        "exit_status",
        "stdout",
        "stdout_lines",
        "stderr",
        "stderr_lines",
    ),
    fails("copy_content", {"content": "own\n", "dest": "{tree}/copied"}, "checksum", "md5sum"),
    fails("copy_content_data", {"content": {"a": [1, True, "ä"]}, "dest": "{tree}/copied"}),
    fails("copy_content_slash", {"content": "own", "dest": "{tree}/dir/"}),
    case("copy_folder", {"src": "folder", "dest": "{tree}/dir", "mode": "0600", "directory_mode": "0750"}),
    case("copy_folder_slash", {"src": "folder/", "dest": "{tree}/fresh"}),
    fails("copy_sealed", {"src": "sealed", "dest": "{tree}/copied"}),
    fails("copy_folder_sealed", {"src": "safe", "dest": "{tree}/copied"}),
    case("copy_sealed_as_it_is", {"src": "sealed", "dest": "{tree}/copied", "decrypt": False}, "checksum"),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("copy", CASES, tmp_path, sources=SOURCES)
