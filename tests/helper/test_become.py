"""Other users by the real sudo: users and rules are made for the tests, and taken away behind them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.drivers.base import Command
from hivectl.drivers.errors import BecomeError, FenceError
from hivectl.drivers.local import LocalChannel
from hivectl.helper.launch import Launch
from hivectl.helper.operations import Batch, Become, Content, Fence, Progress, Run, Write
from hivectl.helper.session import HelperSessions, run_command
from hivectl.model.secret import Secret
from tests.support.helper import items_of

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = "/usr/bin/python3"
PASSWORD = "correct horse"
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("sudo") or not Path(PYTHON).exists() or not shutil.which("useradd"),
    reason="needs root, sudo, useradd and a Python for everybody",
)


@dataclass
class Login:
    """A user who may use sudo in some way."""

    name: str
    home: Path
    other: str

    def sessions(self) -> HelperSessions:
        shell = os.environ.get("HIVECTL_TEST_SHELL")
        if shell is not None:
            return HelperSessions(self.open, node="m1", python="none", shell=shell)
        return HelperSessions(self.open, node="m1", python=PYTHON)

    async def open(self, launch: Launch) -> LocalChannel:
        """Start something as this user, as a login would."""
        entry = (
            f"HOME={self.home}",
            f"USER={self.name}",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "SHELL=/bin/sh",
        )
        argv = ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--init-groups"]
        process = await asyncio.create_subprocess_exec(
            *argv,
            *("env", "-i", *entry, "sh", "-c", 'cd && exec "$@"', "sh"),
            *launch.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        return LocalChannel("m1", process)

    def rule(self, text: str) -> None:
        file = Path(f"/etc/sudoers.d/{self.name}")
        file.write_text(text + "\n")
        file.chmod(0o440)


@pytest.fixture
def login() -> Iterator[Login]:
    number = os.getpid()
    names = f"hvl{number}", f"hvo{number}"
    # pytest's own folders are closed to other users
    root = Path(tempfile.mkdtemp(prefix="hivectl-homes-"))
    root.chmod(0o755)
    for name in names:
        subprocess.run(
            ["useradd", "-m", "-d", root / name, "-s", "/bin/sh", name], check=True, capture_output=True
        )
        (root / name).chmod(0o700)
    subprocess.run(["chpasswd"], input=f"{names[0]}:{PASSWORD}\n", text=True, check=True)
    made = Login(names[0], root / names[0], names[1])
    try:
        yield made
    finally:
        Path(f"/etc/sudoers.d/{made.name}").unlink(missing_ok=True)
        for name in names:
            subprocess.run(["userdel", "-r", name], check=False, capture_output=True)
            Path(f"/var/lib/sudo/lectured/{name}").unlink(missing_ok=True)
        shutil.rmtree(root)


def work(
    login: Login, become: Become | None, *operations: Any, fence: Fence | None = None
) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        sessions = login.sessions()
        try:
            async with asyncio.timeout(30):
                batch = Batch(run="r", items=items_of(operations), fence=fence)
                return [result.result async for result in sessions.operate(batch, become)]
        finally:
            await sessions.close()

    return asyncio.run(run())


WHO = Run(script='echo $(id -un) "$HOME"')
RIGHT = Secret(PASSWORD)


def test_password_is_given_when_sudo_asks(login: Login) -> None:
    login.rule(f"{login.name} ALL=(ALL) ALL")
    assert work(login, Become(password=RIGHT), WHO)[0]["stdout"] == "root /root"


def test_no_password_is_needed_where_sudo_needs_none(login: Login) -> None:
    login.rule(f"{login.name} ALL=(ALL) NOPASSWD: ALL")
    for password in (None, RIGHT):
        become = Become(user=login.other, password=password)
        assert work(login, become, WHO)[0]["stdout"] == f"{login.other} {login.home.with_name(login.other)}"


@pytest.mark.parametrize(
    ("rule", "password", "said"),
    [
        ("{0} ALL=(ALL) ALL", Secret("wrong"), "sudo refused the password"),
        ("{0} ALL=(ALL) ALL", None, "sudo wants a password"),
        ("", RIGHT, "sudo did not let us.*not in the sudoers"),
        ("{0} ALL=(ALL) NOPASSWD: /bin/true", None, "sudo wants a password|not allowed"),
        ("Defaults:{0} requiretty\n{0} ALL=(ALL) NOPASSWD: ALL", None, "sudo wants a terminal"),
    ],
)
def test_refusals_have_sudos_words(login: Login, rule: str, password: Secret | None, said: str) -> None:
    login.rule(rule.format(login.name))
    with pytest.raises(BecomeError, match=said) as raised:
        work(login, Become(password=password), WHO)
    assert raised.value.node == "m1"
    assert PASSWORD not in str(raised.value)

    async def run() -> None:
        await run_command(login.open, Command(command="id"), Become(password=password), node="m1")

    with pytest.raises(BecomeError, match=said):
        asyncio.run(run())


def test_a_missing_user_is_named(login: Login) -> None:
    login.rule(f"{login.name} ALL=(ALL) NOPASSWD: ALL")
    with pytest.raises(BecomeError, match="no-such-user"):
        work(login, Become(user="no-such-user"), WHO)


def test_the_password_is_in_no_list_of_processes(login: Login) -> None:
    login.rule(f"{login.name} ALL=(ALL) ALL")
    (result,) = work(login, Become(password=RIGHT), Run(script="cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))
    assert "sudo -H -S -p" in result["stdout"]
    assert PASSWORD not in result["stdout"]


def test_a_command_gets_its_input_and_not_the_password(login: Login) -> None:
    login.rule(f"{login.name} ALL=(ALL) ALL")

    async def run() -> Any:
        command = Command(
            command="id -un; echo $WORD; cat", stdin=b"input", environment={"WORD": Secret("it's")}
        )
        return await run_command(login.open, command, Become(password=RIGHT), node="m1")

    ended = asyncio.run(run())
    assert ended.stdout == b"root\nit's\ninput"
    assert ended.stderr == b""


def test_login_and_root_share_one_lock_of_the_login(login: Login) -> None:
    login.rule(f"{login.name} ALL=(ALL) NOPASSWD: ALL")
    fence = Fence(store="s", token=5, owner="ann")
    work(login, Become(), WHO, fence=fence)
    lock = login.home / ".hivelock"
    assert lock.owner() == login.name
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    work(login, None, WHO, fence=fence)
    assert lock.owner() == login.name
    with pytest.raises(FenceError):
        work(login, Become(), WHO, fence=Fence(store="s", token=4, owner="bob"))


def test_for_another_user_the_logins_helper_keeps_the_lock(login: Login) -> None:
    login.rule(f"{login.name} ALL=(ALL) NOPASSWD: ALL")
    become = Become(user=login.other)
    target = login.home.with_name(login.other) / "f"
    operations = (Write(path=str(target), content=Content.of(b"x")), WHO, Run(script="exit 3"), WHO)
    results = work(login, become, *operations, fence=Fence(store="s", token=5, owner="ann"))
    assert [result.get("rc") for result in results] == [None, 0, 3]
    assert target.owner() == login.other
    state = json.loads((login.home / ".hivelock").read_text())
    assert (state["token"], state["progress"]) == (5, {"run": "r", "key": "2", "ended": True, "rc": 3})
    with pytest.raises(FenceError):
        work(login, become, WHO, fence=Fence(store="s", token=4, owner="bob"))

    async def progress() -> Progress:
        sessions = login.sessions()
        try:
            return await sessions.progress("r", become)
        finally:
            await sessions.close()

    assert asyncio.run(progress()).rc == 3


def test_a_missing_sudo_is_named(login: Login) -> None:
    async def open_channel(launch: Launch) -> LocalChannel:
        return await login.open(
            Launch(argv=("no-sudo", *launch.argv[1:]), marker=launch.marker)
            if launch.argv[0] != "sudo"
            else Launch(argv=("sh", "-c", "PATH=/nowhere; sudo true"), marker=launch.marker)
        )

    async def run() -> None:
        sessions = HelperSessions(open_channel, node="m1", python=PYTHON)
        await sessions.session(Become())

    with pytest.raises(BecomeError, match="no sudo"):
        asyncio.run(run())
