"""The yardstick of a job that needs several turns with each host: the turns alone, with plain asyncssh.

    python turns.py TURNS HOSTS.json

One connection a host, all at once, host keys checked, one channel with a shell; then as many times as asked a line
is sent, and the next one not before it is answered. Whoever must hear what a host says before saying more cannot be
faster; nothing of the job itself is done. It imports nothing of hivectl, on purpose.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncssh


async def talk(host: dict[str, Any], turns: int, options: dict[str, Any]) -> None:
    """Have so many turns with a host."""
    async with (
        asyncssh.connect(host["host"], host["port"], username=host["user"], **options) as connection,
        connection.create_process("exec sh") as shell,
    ):
        for turn in range(turns):
            shell.stdin.write(f"echo {turn}\n")
            answer = await shell.stdout.readline()
            if answer != f"{turn}\n":
                sys.exit(f"{host['name']}: {answer!r} in turn {turn}")
        shell.stdin.write_eof()


async def talk_all(hosts: list[dict[str, Any]], turns: int) -> None:
    """Have turns with all hosts side by side."""
    options: dict[str, Any] = {
        "config": None,
        "agent_path": None,
        "client_keys": asyncssh.load_keypairs([hosts[0]["identity_file"]]),
        "known_hosts": asyncssh.read_known_hosts(hosts[0]["known_hosts"]),
    }
    await asyncio.gather(*(talk(host, turns, options) for host in hosts))


if __name__ == "__main__":
    asyncio.run(talk_all(json.loads(Path(sys.argv[2]).read_text()), int(sys.argv[1])))
