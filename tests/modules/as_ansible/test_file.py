"""`file`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.as_ansible import assert_as_ansible, case, fails

if TYPE_CHECKING:
    from pathlib import Path
CASES = [
    case(
        "directory", {"path": "{tree}/a/b/c", "state": "directory", "mode": "0750"}, "mode", "state", "path"
    ),
    fails("directory_over_file", {"path": "{tree}/file.txt", "state": "directory"}),
    case("recurse", {"path": "{tree}/dir", "recurse": True, "mode": "u=rwX,g=rX,o="}),
    case("no_state", {"path": "{tree}/dir", "mode": "0700"}, "state", "path"),
    fails("no_state_absent", {"path": "{tree}/none", "mode": "0700"}),
    case("absent", {"path": "{tree}/dir", "state": "absent"}, "state", "path"),
    fails("touch", {"path": "{tree}/new", "state": "touch", "mode": "0600"}, "dest", "mode"),
    case(
        "touch_preserve",
        {
            "path": "{tree}/file.txt",
            "state": "touch",
            "access_time": "preserve",
            "modification_time": "202001020304.05",
        },
    ),
    case("link", {"src": "file.txt", "dest": "{tree}/link", "state": "link"}, "dest", "src", "state"),
    fails("link_dangling", {"src": "nothing", "dest": "{tree}/link", "state": "link"}),
    case("link_dangling_forced", {"src": "nothing", "dest": "{tree}/link", "state": "link", "force": True}),
    case("link_over_file_forced", {"src": "dir", "dest": "{tree}/file.txt", "state": "link", "force": True}),
    case("hard", {"src": "{tree}/file.txt", "dest": "{tree}/hard", "state": "hard"}, "dest", "state"),
    case("mode_symbolic", {"path": "{tree}/file.txt", "mode": "a+x,o-r"}, "mode", modes={"file.txt": 0o644}),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("file", CASES, tmp_path)
