"""The yardstick: the twenty tasks of `play/playbook.yml`, written by hand for asyncssh, in one channel a host.

    python floor.py sh|python HOSTS.json FILES

It does nothing that the job does not ask for: one connection a host, all at once, host keys checked; the whole
play as one script (POSIX sh, or Python with `python`) on the standard input of one channel; contents formatted
by plain Python (a template engine would only make it slower). It is honest about the rest: each task compares
before it changes anything, files are replaced by a rename and never readable too widely, and what became of
every task of every host comes back and is counted.

It imports nothing of hivectl, on purpose.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import asyncssh

TASKS = 20
Step = tuple[str, ...]

SH = r"""
say() { echo "$1"; }
directory() { # path mode
  if [ -d "$1" ]; then
    [ "$(stat -c %a "$1")" = "$2" ] && { say ok; return; }
    chmod "$2" "$1"
  else mkdir -m "$2" "$1"; fi && say changed || say failed
}
file() { # path mode sha256 content
  if [ -f "$1" ] && { read -r sum rest; [ "$sum" = "$3" ]; } <<END
$(sha256sum "$1")
END
  then
    [ "$(stat -c %a "$1")" = "$2" ] && { say ok; return; }
    chmod "$2" "$1"
  else
    umask 077; printf %s "$4" >"$1.new" && chmod "$2" "$1.new" && mv -f "$1.new" "$1"
  fi && say changed || say failed
  umask 022
}
link() { # path target
  [ -L "$1" ] && [ "$(readlink "$1")" = "$2" ] && { say ok; return; }
  ln -sfn "$2" "$1" && say changed || say failed
}
replace() { # path pattern line
  grep -qxF -e "$3" "$1" && { say ok; return; }
  sed "s/$2.*/$3/" "$1" >"$1.new" && chmod --reference="$1" "$1.new" && mv "$1.new" "$1" && say changed || say failed
}
add() { # path line
  grep -qxF -e "$2" "$1" && { say ok; return; }
  { cat "$1"; echo "$2"; } >"$1.new" && chmod --reference="$1" "$1.new" && mv "$1.new" "$1" && say changed || say failed
}
command() { # creates argv...
  creates=$1; shift
  [ -e "$creates" ] && { say ok; return; }
  "$@" </dev/null >/dev/null && say changed || say failed
}
"""

PYTHON = r"""
import hashlib, os, re
def directory(path, mode):
    try:
        old = os.stat(path).st_mode & 0o7777
    except FileNotFoundError:
        os.mkdir(path)
        old = None
    if old == int(mode, 8):
        return False
    os.chmod(path, int(mode, 8))
    return True
def replaced(path, mode, content):
    new = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(new, content)
    os.fchmod(new, mode)
    os.close(new)
    os.rename(path + ".new", path)
    return True
def read(path):
    with open(path, "rb", 0) as stream:
        return os.fstat(stream.fileno()).st_mode & 0o7777, stream.read()
def file(path, mode, sha256, content):
    mode = int(mode, 8)
    try:
        old, data = read(path)
    except FileNotFoundError:
        return replaced(path, mode, content.encode())
    if hashlib.sha256(data).hexdigest() != sha256:
        return replaced(path, mode, content.encode())
    if old == mode:
        return False
    os.chmod(path, mode)
    return True
def link(path, target):
    try:
        if os.readlink(path) == target:
            return False
        os.unlink(path)
    except FileNotFoundError:
        pass
    os.symlink(target, path)
    return True
def replace(path, pattern, line):
    mode, data = read(path)
    new = re.sub(pattern.encode() + b".*", line.encode(), data, flags=re.M)
    return new != data and replaced(path, mode, new)
def add(path, line):
    mode, data = read(path)
    return line.encode() not in data.split(b"\n") and replaced(path, mode, data + line.encode() + b"\n")
def command(creates, *argv):
    if os.path.exists(creates):
        return False
    nothing = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    _, status = os.waitpid(os.posix_spawnp(argv[0], argv, os.environ, file_actions=nothing), 0)
    if status:
        raise OSError(argv)
    return True
for name, *arguments in STEPS:
    print("changed" if globals()[name](*arguments) else "ok")
"""


def content(path: Path) -> tuple[str, str]:
    """Return the hash and the text of a file."""
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest(), data.decode()


def formatted(text: str) -> tuple[str, str]:
    """Return the hash and the text of what was a template."""
    return hashlib.sha256(text.encode()).hexdigest(), text


def settings(host: dict[str, Any]) -> str:
    """Format settings.ini."""
    timezone = "timezone = Europe/Zurich\n" if host["site"] == "basel" else ""
    return (
        f"[node]\nname = {host['name']}\nsite = {host['site']}\n{timezone}"
        f"[limits]\nsamples = {host['samples']}\nwindow = {host['samples'] * 4}\n"
    )


def channels(host: dict[str, Any]) -> str:
    """Format channels.csv."""
    samples = host["samples"]
    return "".join(f"{samples - channel:03d},{host['name']}-{channel}\n" for channel in range(samples))


def steps(host: dict[str, Any], files: dict[str, tuple[str, str]]) -> list[Step]:
    """Return the play of one host."""
    tree = host["tree"]
    service, data, markers = f"{tree}/service", f"{tree}/data", f"{tree}/markers"
    return [
        ("directory", service, "750"),
        ("directory", data, "755"),
        ("command", f"{data}/index", "touch", f"{data}/index"),
        ("file", f"{service}/small.conf", "644", *files["small.conf"]),
        ("file", f"{service}/private.key", "600", *files["private.key"]),
        ("file", f"{data}/larger.dat", "755", *files["larger.dat"]),
        ("command", f"{data}/small.copy", "cp", f"{service}/small.conf", f"{data}/small.copy"),
        ("file", f"{service}/settings.ini", "640", *formatted(settings(host))),
        ("file", f"{data}/channels.csv", "644", *formatted(channels(host))),
        ("link", f"{tree}/current.ini", f"{service}/settings.ini"),
        ("replace", f"{tree}/system.conf", "^interval=", "interval=250"),
        ("add", f"{tree}/hosts.list", f"{host['name']} enabled"),
        ("command", markers, "mkdir", markers),
        ("command", f"{markers}/02", "touch", f"{markers}/02"),
        ("command", f"{markers}/03", "touch", f"{markers}/03"),
        ("command", f"{markers}/04", "touch", f"{markers}/04"),
        ("command", f"{markers}/settings.ini", "cp", f"{service}/settings.ini", f"{markers}/settings.ini"),
        (
            "command",
            f"{data}/channels.sorted",
            "sort",
            "-o",
            f"{data}/channels.sorted",
            f"{data}/channels.csv",
        ),
        ("command", f"{markers}/index", "ln", f"{data}/index", f"{markers}/index"),
        ("command", f"{markers}/done", "touch", f"{markers}/done"),
    ]


def script(language: str, play: list[Step]) -> tuple[str, str]:
    """Return the remote command, and what goes to its standard input."""
    if language == "python":
        return "exec python3 -I -S -", f"STEPS = {play!r}\n{PYTHON}"
    return "exec sh", SH + "\n".join(shlex.join(step) for step in play) + "\n"


async def play_host(
    language: str, host: dict[str, Any], files: dict[str, tuple[str, str]], options: dict[str, Any]
) -> list[str]:
    """Play one host; returns what became of each task."""
    command, text = script(language, steps(host, files))
    async with asyncssh.connect(host["host"], host["port"], username=host["user"], **options) as connection:
        done = await connection.run(command, input=text, check=True)
    outcomes = str(done.stdout).split()
    if len(outcomes) != TASKS or "failed" in outcomes:
        sys.exit(f"{host['name']}: {outcomes} {done.stderr!r}")
    return outcomes


async def play_all(language: str, hosts: list[dict[str, Any]], folder: Path) -> None:
    """Play all hosts side by side."""
    files = {name: content(folder / name) for name in ("small.conf", "private.key", "larger.dat")}
    options: dict[str, Any] = {
        "config": None,
        "agent_path": None,
        "client_keys": asyncssh.load_keypairs([hosts[0]["identity_file"]]),
        "known_hosts": asyncssh.read_known_hosts(hosts[0]["known_hosts"]),
    }
    played = await asyncio.gather(*(play_host(language, host, files, options) for host in hosts))
    for host, outcomes in zip(hosts, played, strict=True):
        changed = outcomes.count("changed")
        sys.stdout.write(f"{host['name']}: ok={len(outcomes) - changed} changed={changed}\n")


if __name__ == "__main__":
    asyncio.run(play_all(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3])))
