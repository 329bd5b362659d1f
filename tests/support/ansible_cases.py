"""Tasks that mean the same to ansible-core and to us."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BASE = {"file.txt": "alpha\nbeta\ngamma\n", "dir/inner.txt": "inner\n"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One task; {tree} is the folder that the node's files are in.

    Attributes:
        links: path -> what it points at.
        keys: what of the result is compared as well.
    """

    name: str
    module: str
    arguments: Any
    files: dict[str, str] = field(default_factory=lambda: BASE)
    links: dict[str, str] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    keys: tuple[str, ...] = ()


def case(name: str, module: str, arguments: Any, **more: Any) -> Case:
    return Case(name=name, module=module, arguments=arguments, **more)


SOURCES = {
    "plain.txt": "from here\n",
    "folder/one.txt": "1\n",
    "folder/deep/two.txt": "2\n",
    "folder/empty/": "",
    "page.j2": "{% if tens %}\n{{ tens }} for {{ who }}\n{% endif %}\n  {% for n in [1, 2] %}\n{{ n }}\n  {% endfor %}\nend\n",
    "odd.j2": "[% if tens %]{{ literal }} << who >>[% endif %]\nend",
}
VARIABLES = {"tens": 10, "who": "hive"}

FILE_CASES = [
    case(
        "directory",
        "file",
        {"path": "{tree}/a/b/c", "state": "directory", "mode": "0750"},
        keys=("mode", "state", "path"),
    ),
    case("directory_over_file", "file", {"path": "{tree}/file.txt", "state": "directory"}),
    case("recurse", "file", {"path": "{tree}/dir", "recurse": True, "mode": "u=rwX,g=rX,o="}),
    case("no_state", "file", {"path": "{tree}/dir", "mode": "0700"}, keys=("state", "path")),
    case("no_state_absent", "file", {"path": "{tree}/none", "mode": "0700"}),
    case("absent", "file", {"path": "{tree}/dir", "state": "absent"}, keys=("state", "path")),
    case("touch", "file", {"path": "{tree}/new", "state": "touch", "mode": "0600"}, keys=("dest", "mode")),
    case(
        "touch_preserve",
        "file",
        {
            "path": "{tree}/file.txt",
            "state": "touch",
            "access_time": "preserve",
            "modification_time": "202001020304.05",
        },
    ),
    case(
        "link",
        "file",
        {"src": "file.txt", "dest": "{tree}/link", "state": "link"},
        keys=("dest", "src", "state"),
    ),
    case("link_dangling", "file", {"src": "nothing", "dest": "{tree}/link", "state": "link"}),
    case(
        "link_dangling_forced",
        "file",
        {"src": "nothing", "dest": "{tree}/link", "state": "link", "force": True},
    ),
    case(
        "link_over_file_forced",
        "file",
        {"src": "dir", "dest": "{tree}/file.txt", "state": "link", "force": True},
    ),
    case(
        "hard",
        "file",
        {"src": "{tree}/file.txt", "dest": "{tree}/hard", "state": "hard"},
        keys=("dest", "state"),
    ),
    case(
        "mode_symbolic",
        "file",
        {"path": "{tree}/file.txt", "mode": "a+x,o-r"},
        modes={"file.txt": 0o644},
        keys=("mode",),
    ),
]
COPY_CASES = [
    case(
        "copy",
        "copy",
        {"src": "plain.txt", "dest": "{tree}/copied", "mode": "0640"},
        keys=("checksum", "dest", "mode", "size"),
    ),
    case("copy_into", "copy", {"src": "plain.txt", "dest": "{tree}/dir"}, keys=("dest",)),
    case(
        "copy_slash",
        "copy",
        {"src": "plain.txt", "dest": "{tree}/made/", "directory_mode": "0711"},
        keys=("dest",),
    ),
    case("copy_backup", "copy", {"src": "plain.txt", "dest": "{tree}/file.txt", "backup": True}),
    case("copy_no_force", "copy", {"src": "plain.txt", "dest": "{tree}/file.txt", "force": False}),
    case(
        "copy_link_follow",
        "copy",
        {"src": "plain.txt", "dest": "{tree}/link", "follow": True},
        links={"link": "file.txt"},
    ),
    case("copy_preserve", "copy", {"src": "plain.txt", "dest": "{tree}/copied", "mode": "preserve"}),
    case(
        "copy_invalid",
        "copy",
        {"src": "plain.txt", "dest": "{tree}/copied", "validate": "grep -q nothing %s"},
    ),
    case("copy_content", "copy", {"content": "own\n", "dest": "{tree}/copied"}),
    case("copy_content_data", "copy", {"content": {"a": [1, True, "ä"]}, "dest": "{tree}/copied"}),
    case("copy_content_slash", "copy", {"content": "own", "dest": "{tree}/dir/"}),
    case(
        "copy_folder",
        "copy",
        {"src": "folder", "dest": "{tree}/dir", "mode": "0600", "directory_mode": "0750"},
    ),
    case("copy_folder_slash", "copy", {"src": "folder/", "dest": "{tree}/fresh"}),
    case(
        "template",
        "template",
        {"src": "page.j2", "dest": "{tree}/page", "mode": "0644"},
        keys=("checksum", "dest"),
    ),
    case(
        "template_syntax",
        "template",
        {
            "src": "odd.j2",
            "dest": "{tree}/page",
            "block_start_string": "[%",
            "block_end_string": "%]",
            "variable_start_string": "<<",
            "variable_end_string": ">>",
            "newline_sequence": "\\r\\n",
        },
    ),
    case(
        "template_lstrip",
        "template",
        {"src": "page.j2", "dest": "{tree}/dir/", "lstrip_blocks": True, "trim_blocks": False},
    ),
]
LINE_CASES = [
    case("line_append", "lineinfile", {"path": "{tree}/file.txt", "line": "delta"}, keys=("msg",)),
    case(
        "line_regexp",
        "lineinfile",
        {"path": "{tree}/file.txt", "regexp": "a$", "line": "last a"},
        keys=("msg",),
    ),
    case("line_search", "lineinfile", {"path": "{tree}/file.txt", "search_string": "et", "line": "b"}),
    case(
        "line_backrefs",
        "lineinfile",
        {"path": "{tree}/file.txt", "regexp": "^(b)e", "line": "\\1!", "backrefs": True},
    ),
    case(
        "line_backrefs_none",
        "lineinfile",
        {"path": "{tree}/file.txt", "regexp": "^(z)", "line": "\\1!", "backrefs": True},
    ),
    case("line_after", "lineinfile", {"path": "{tree}/file.txt", "insertafter": "^alpha", "line": "x"}),
    case("line_before_bof", "lineinfile", {"path": "{tree}/file.txt", "insertbefore": "BOF", "line": "x"}),
    case(
        "line_absent",
        "lineinfile",
        {"path": "{tree}/file.txt", "regexp": "^[ab]", "state": "absent"},
        keys=("msg", "found"),
    ),
    case(
        "line_create", "lineinfile", {"path": "{tree}/new.txt", "line": "x", "create": True, "mode": "0600"}
    ),
    case(
        "line_no_newline",
        "lineinfile",
        {"path": "{tree}/file.txt", "line": "x"},
        files={"file.txt": "no newline"},
    ),
]
RUN_CASES = [
    case("command", "command", "echo one  'two  three' $HOME", keys=("rc", "stdout", "stdout_lines", "cmd")),
    case("command_creates", "command", "touch {tree}/made creates={tree}/made", keys=("rc",)),
    case(
        "command_removes",
        "command",
        {"argv": ["rm", "{tree}/file.txt"], "removes": "{tree}/fi*.txt"},
    ),
    case(
        "command_fails",
        "command",
        "ls creates=/nope/at/all chdir={tree} --no-such-option",
        keys=("rc", "msg"),
    ),
    case("command_chdir", "command", {"cmd": "pwd", "chdir": "{tree}/dir"}, keys=("rc", "cmd")),
    case(
        "command_stdin",
        "command",
        {"cmd": "cat -A", "stdin": "line", "strip_empty_ends": False},
        keys=("stdout",),
    ),
    case("shell", "shell", 'echo "a b" | tr a z; exit 3', keys=("rc", "stdout", "cmd", "msg")),
    case(
        "shell_bash",
        "shell",
        "[[ x == x ]] && echo ${BASH_VERSION:+bash} executable=/bin/bash",
        keys=("stdout", "rc"),
    ),
    case("raw", "raw", "echo raw; echo err >&2; exit 4", keys=("rc", "stdout", "stdout_lines", "stderr")),
    case("slurp", "slurp", {"src": "{tree}/file.txt"}, keys=("content", "encoding")),
    case("slurp_none", "slurp", {"src": "{tree}/none"}),
    case(
        "fetch",
        "fetch",
        {"src": "{tree}/file.txt", "dest": "{tree}/got/", "flat": True},
        keys=("checksum", "remote_checksum"),
    ),
    case("fetch_none", "fetch", {"src": "{tree}/none", "dest": "{tree}/got/", "fail_on_missing": False}),
    case("fetch_none_fails", "fetch", {"src": "{tree}/none", "dest": "{tree}/got/"}),
    case(
        "assert", "assert", {"that": ["tens == 10", "who == 'x'"]}, keys=("assertion", "evaluated_to", "msg")
    ),
    case("assert_holds", "assert", {"that": "tens == 10", "success_msg": "fine"}, keys=("msg",)),
    case(
        "assert_quiet",
        "assert",
        {"that": "tens == 11", "quiet": True, "fail_msg": "no"},
        keys=("msg", "assertion"),
    ),
    case("debug_var", "debug", {"var": "tens + 1"}, keys=("tens + 1",)),
    case("debug_msg", "debug", {"msg": ["a", 1]}, keys=("msg",)),
    case("fail", "fail", {"msg": "no more"}, keys=("msg",)),
    case("set_fact", "set_fact", {"one": 1, "two": ["x"]}, keys=("ansible_facts",)),
    case(
        "wait_for_path",
        "wait_for",
        {"path": "{tree}/file.txt", "search_regex": "(?P<letter>b)eta"},
        keys=("match_groups", "match_groupdict"),
    ),
    case("wait_for_never", "wait_for", {"path": "{tree}/none", "timeout": 1}, keys=("msg",)),
    case("stat", "stat", {"path": "{tree}/file.txt", "get_attributes": False, "get_mime": False}),
    case(
        "stat_none",
        "stat",
        {"path": "{tree}/none", "get_attributes": False, "get_mime": False},
        keys=("stat",),
    ),
]
CASES = [*FILE_CASES, *COPY_CASES, *LINE_CASES, *RUN_CASES]
# failures, and what only looks or does the same each time, are not done again
AGAIN = frozenset(
    [
        "directory",
        "recurse",
        "no_state",
        "absent",
        "touch_preserve",
        "link",
        "link_dangling_forced",
        "link_over_file_forced",
        "hard",
        "mode_symbolic",
        "copy",
        "copy_into",
        "copy_slash",
        "copy_backup",
        "copy_link_follow",
        "copy_folder",
        "copy_folder_slash",
        "template",
        "template_syntax",
        "line_append",
        "line_regexp",
        "line_backrefs",
        "line_before_bof",
        "line_absent",
        "line_create",
        "command_creates",
        "command_removes",
        "fetch",
    ]
)
TURNS = {"first": CASES, "second": [one for one in CASES if one.name in AGAIN]}
