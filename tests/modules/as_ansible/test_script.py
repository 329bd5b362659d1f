"""`script`: as ansible-core does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.as_ansible import Case, assert_as_ansible, case, fails, looks

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {
    "files/say.sh": '#!/bin/sh\necho "$# $*"; echo oops >&2\nexit ${CODE:-0}\n',
    "files/with blank.sh": "#!/bin/sh\necho blank $1\n",
    "files/plain": "echo plain $0 | tail -c 6\n",
    "files/bash.sh": "#!/bin/bash\n[[ x == x ]] && echo bash\n",
    "files/python.py": "import sys\nprint(sys.argv[1:], end='')\n",
    "files/make.sh": '#!/bin/sh\ntouch "$1"\npwd\n',
    "files/fails.sh": "#!/bin/sh\necho so far\nexit 3\n",
    "files/bad.sh": "#!/no/such/interpreter\n",
    "files/stdin.sh": "#!/bin/sh\nif read -r line; then echo got; else echo none; fi\n",
    "files/lines.sh": "#!/bin/sh\nprintf 'a\\n\\nb\\n\\n'\n",
    "files/self.sh": '#!/bin/sh\nbasename "$0"; stat -c %a "$0" | cut -c1\n',
    "files/sealed": "$ANSIBLE_VAULT;1.1;AES256\n3361\n",
    "files/folder/": "",
    "beside.sh": "#!/bin/sh\necho beside\n",
}
KEYS = ("rc", "stdout", "stdout_lines", "stderr", "stderr_lines")


def run(name: str, arguments: Any, *keys: str, **more: Any) -> Case:
    return fails(name, arguments, *(keys or KEYS), **more)


CASES = [
    run("plain", {"cmd": "say.sh"}),
    run("arguments", {"cmd": "say.sh one 'two  three' \"four\""}),
    run("variables", {"cmd": "say.sh $UID_NOT_SET x"}),
    run("redirected", {"cmd": "say.sh one > {tree}/out"}),
    run("blank", {"cmd": "'with blank.sh' x"}),
    run("no_interpreter", {"cmd": "plain"}),
    run("bash", {"cmd": "bash.sh"}),
    run("executable", {"cmd": "python.py a 'b c'", "executable": "python3"}),
    run("executable_with_option", {"cmd": "say.sh a", "executable": "/bin/sh -x"}, "rc", "stdout"),
    run("no_such_executable", {"cmd": "say.sh a", "executable": "/no/such"}, "rc", "stdout"),
    run("bad_interpreter", {"cmd": "bad.sh"}, "stdout"),
    run("fails", {"cmd": "fails.sh"}, *KEYS, "msg"),
    run("beside_the_playbook", {"cmd": "beside.sh"}),
    run("chdir", {"cmd": "make.sh made", "chdir": "{tree}/dir"}, "rc", "stdout"),
    run("chdir_relative", {"cmd": "say.sh", "chdir": "dir"}, "msg"),
    run("chdir_none", {"cmd": "say.sh", "chdir": "{tree}/none"}, "rc"),
    case("creates", {"cmd": "make.sh {tree}/made", "creates": "{tree}/made"}, "rc"),
    run("creates_there", {"cmd": "say.sh", "creates": "{tree}/file.txt"}, *KEYS, "msg"),
    run("removes", {"cmd": "say.sh", "removes": "{tree}/file.txt"}),
    run("removes_not_there", {"cmd": "say.sh", "removes": "{tree}/none"}, *KEYS, "msg"),
    run("creates_is_no_glob", {"cmd": "say.sh", "creates": "{tree}/*"}),
    run("no_standard_input", {"cmd": "stdin.sh"}),
    run("ends_of_lines", {"cmd": "lines.sh"}),
    run("name_and_mode", {"cmd": "self.sh"}),
    run("none", {"cmd": "no-such.sh"}),
    run("empty", {"cmd": " "}),
    run("folder", {"cmd": "folder"}),
    run("sealed", {"cmd": "sealed"}, "rc"),
    run("free_form", "say.sh one two"),
    run("free_form_options", "make.sh {tree}/dir/it creates={tree}/dir/it chdir={tree}", "rc", "stdout"),
    run("free_form_executable", "python.py x executable=python3"),
    run("free_form_quotes", "say.sh 'a b'  c=d"),
    looks("check", {"cmd": "make.sh {tree}/made"}),
    looks("check_creates", {"cmd": "make.sh {tree}/made", "creates": "{tree}/made"}),
    looks("check_creates_there", {"cmd": "make.sh {tree}/made", "creates": "{tree}/file.txt"}),
]


def test_as_ansible(tmp_path: Path) -> None:
    assert_as_ansible("script", CASES, tmp_path, sources=SOURCES, without_python=True)
