"""`command`, `shell`, `raw`: as ansible-core does them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.as_ansible import assert_as_ansible, case, fails

if TYPE_CHECKING:
    from pathlib import Path
CASES = [
    fails("command", "echo one  'two  three' $HOME", "rc", "stdout", "stdout_lines", "cmd"),
    case("command_creates", "touch {tree}/made creates={tree}/made", "rc"),
    case("command_removes", {"argv": ["rm", "{tree}/file.txt"], "removes": "{tree}/fi*.txt"}),
    fails("command_fails", "ls creates=/nope/at/all chdir={tree} --no-such-option", "rc", "msg"),
    fails("command_chdir", {"cmd": "pwd", "chdir": "{tree}/dir"}, "rc", "cmd"),
    fails("command_stdin", {"cmd": "cat -A", "stdin": "line", "strip_empty_ends": False}, "stdout"),
    fails("shell", 'echo "a b" | tr a z; exit 3', "rc", "stdout", "cmd", "msg", module="shell"),
    fails(
        "shell_bash",
        "[[ x == x ]] && echo ${BASH_VERSION:+bash} executable=/bin/bash",
        "stdout",
        "rc",
        module="shell",
    ),
    fails("raw", "echo raw; echo err >&2; exit 4", "rc", "stdout", "stdout_lines", "stderr", module="raw"),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("command", CASES, tmp_path)
