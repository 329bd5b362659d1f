"""Measure hivectl beside a hand-written floor, pyinfra and ansible, in one run: `python -m tests.benchmarks`.

`make bench` runs it without options, from the top of the source tree, with the project's own Python. It prints
tables in Markdown on stdout and what it is doing on stderr. It takes about fifteen minutes, most of them ansible's.

1. **Twenty tasks** (`play/playbook.yml`) on 1, 20 and 100 OpenSSH servers of this machine, each with a port, key,
   home and tree of its own. "fresh" is the first run; "repeated" is the same again, with nothing to do. The tools
   take turns, each run is a new process with no control master and no cache. Each run is verified: every file of
   every host after both, and inode, times and mode of each after the repeated one, must be right; `hivectl` and the
   floors must have opened one SSH channel a host. CPU and memory are those of the controller's processes alone.
   The yardstick is `floor` (`floor.py`): asyncssh and one sh script; `floor-python` sends Python instead.
   ansible takes part once at 1 and 20 hosts (it needs 80 s for a run), pyinfra thrice, neither at 100.
2. **A role of sixty tasks** (`role/`) on 20 hosts, in the same way; results decide what comes next, so that it needs
   several round trips. The yardstick is `turns` (`turns.py`): as many round trips of plain asyncssh, doing nothing.
   Every host must be as the first one is. pyinfra has no roles.
3. **Commands that touch no node**: what they cost from start to end, the interpreter included.
4. **Reserve and release** from the library, durable, beside labgrid's reserve and cancel through its gRPC client, which
   loses them with its coordinator.
5. **MicroPython boards**: transfers beside mpremote on one virtual board, a slow WebREPL beside its file records, and
   50 boards, each with an interpreter of its own, provisioned by one `hivectl apply` beside 5 of them.
6. **Virtual FPGA boards**: how soon a bitstream is simulated, how long a second of it takes, results of 16 boards.

Ratios are those of medians. A target that is missed is shown and changes nothing, unless `--strict` asks. A tool
that fails, leaves another end state, changes something with nothing to do, or opens more channels than it may is a
fault: the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from subprocess import SubprocessError
from typing import TYPE_CHECKING

from tests.benchmarks.boards import MANY, BoardSample, run_boards
from tests.benchmarks.commands import CommandSample, cases, run_cases
from tests.benchmarks.fpga import FpgaSample, run_fpga
from tests.benchmarks.job import Target, write_project
from tests.benchmarks.report import Results, as_json, checks, machine, markdown
from tests.benchmarks.reservations import run_reservations
from tests.benchmarks.role_job import SIXTY_TASKS
from tests.benchmarks.rounds import Sample, run_rounds
from tests.benchmarks.tools import REPOSITORY, ROLE_TOOLS, TOOLS, Stage, make_peers
from tests.support.sshd import hosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.reservations import Pairs

PEERS = frozenset({"pyinfra", "ansible"})
PEERS_HOSTS = 20
PARTS = ("play", "role", "commands", "reservations", "boards", "fpga")
SMALL_RUNS = 15
LARGE_RUNS = 5


def say(message: str) -> None:
    """Tell who waits what goes on."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def number(text: str) -> int:
    """Read a whole number above 0."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def numbers(text: str) -> list[int]:
    """Read whole numbers above 0 with commas between them."""
    return [number(part) for part in text.split(",")]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__.partition("\n")[0]
    )
    add = parser.add_argument
    add(
        "--hosts", type=numbers, default="1,20,100", help="how many hosts, with commas (default: %(default)s)"
    )
    add("--tools", default=",".join(TOOLS), help="which tools, in this order (default: %(default)s)")
    add("--rounds", type=number, default=5, help="of hivectl and the floors (default: %(default)s)")
    add("--pyinfra-rounds", type=number, default=3, help="default: %(default)s")
    add("--ansible-rounds", type=number, default=1, help="default: %(default)s; 80 s a run at 20 hosts")
    add("--boards", type=number, default=MANY, help="provisioned side by side (default: %(default)s)")
    add("--only", choices=PARTS, help="only one of the parts")
    add(
        "--peers",
        type=Path,
        default=REPOSITORY / ".venv" / "peers",
        help="venv of ansible and pyinfra, made if absent",
    )
    add("--json", type=Path, metavar="FILE", help="write every sample there, too")
    add("--markdown", type=Path, metavar="FILE", help="write the tables there, too")
    add("--strict", action="store_true", help="exit 1 when a target is missed, too")
    options = parser.parse_args(arguments)
    options.tools = options.tools.split(",")
    if unknown := [name for name in options.tools if name not in TOOLS]:
        parser.error(f"no tool {', '.join(unknown)}: there are {', '.join(TOOLS)}")
    return options


def play(options: argparse.Namespace, folder: Path) -> tuple[list[Sample], list[str]]:
    """Run the twenty tasks."""
    folder.mkdir()
    samples: list[Sample] = []
    faults: list[str] = []
    peers = Path()
    if PEERS & set(options.tools) and min(options.hosts) <= PEERS_HOSTS:
        say(f"peers: {options.peers}")
        peers = make_peers(options.peers)
    write_project(folder / "project")
    rounds = {"pyinfra": options.pyinfra_rounds, "ansible": options.ansible_rounds}
    # no forced command: an ordinary sshd
    with hosts(folder / "hosts", max(options.hosts), settings=["ForceCommand none"]) as servers:
        targets = [Target(server.name, server) for server in servers]
        for count in options.hosts:
            tools = [TOOLS[name] for name in options.tools if count <= PEERS_HOSTS or name not in PEERS]
            stage = Stage(folder / "project", folder / "home", targets[:count], peers)
            made, wrong = run_rounds(tools, lambda name: rounds.get(name, options.rounds), stage, say)
            samples += made
            faults += wrong
    return samples, faults


def role(options: argparse.Namespace, folder: Path) -> tuple[list[Sample], list[str]]:
    """Run the role of sixty tasks."""
    folder.mkdir()
    tools = [tool for name, tool in ROLE_TOOLS.items() if name in options.tools or name == "turns"]
    peers = make_peers(options.peers) if PEERS & {tool.name for tool in tools} else Path()
    SIXTY_TASKS.write(folder / "project")
    count = min(PEERS_HOSTS, max(options.hosts))
    with hosts(folder / "hosts", count, settings=["ForceCommand none"]) as servers:
        targets = [Target(server.name, server) for server in servers]
        stage = Stage(folder / "project", folder / "home", targets, peers, SIXTY_TASKS)
        rounds = {"ansible": options.ansible_rounds}
        return run_rounds(tools, lambda name: rounds.get(name, options.rounds), stage, say)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, and return the exit code."""
    options = parse(arguments)
    described = machine()
    samples: list[Sample] = []
    of_role: list[Sample] = []
    commands: list[CommandSample] = []
    faults: list[str] = []
    # short: sockets' paths are limited to 108 bytes, unix(7)
    with tempfile.TemporaryDirectory(prefix="hb") as name:
        folder = Path(name)
        for part, made, run in (("play", samples, play), ("role", of_role, role)):
            if options.only not in (None, part):
                continue
            try:
                added, wrong = run(options, folder / part)
                made.extend(added)
                faults += wrong
            except SubprocessError as fault:
                faults.append(f"the peers could not be installed: {fault}")
        if options.only in (None, "commands"):
            (folder / "commands").mkdir()
            wanted = cases(folder / "commands", SMALL_RUNS, LARGE_RUNS)
            commands, wrong = run_cases(wanted, folder / "commands", say)
            faults += wrong
        pairs: list[Pairs] = []
        if options.only in (None, "reservations"):
            (folder / "reservations").mkdir()
            labgrid = options.peers.with_name("labgrid")
            pairs, wrong = run_reservations(folder / "reservations", labgrid, say)
            faults += wrong
        of_boards: list[BoardSample] = []
        if options.only in (None, "boards"):
            (folder / "boards").mkdir()
            of_boards, wrong = run_boards(folder / "boards", options.rounds, options.boards, say)
            faults += wrong
        of_fpga: list[FpgaSample] = []
        if options.only in (None, "fpga"):
            (folder / "fpga").mkdir()
            of_fpga, wrong = run_fpga(folder / "fpga", options.rounds, say)
            faults += wrong
    results = Results(described, samples, commands, faults, of_role, pairs, of_boards, of_fpga)
    text = markdown(results)
    sys.stdout.write(text)
    if options.markdown:
        options.markdown.write_text(text)
    if options.json:
        options.json.write_text(json.dumps(as_json(results), indent=1) + "\n")
    missed = any(check.holds is False for check in checks(results))
    return 1 if faults or (options.strict and missed) else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
