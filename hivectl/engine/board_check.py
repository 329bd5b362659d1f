"""What `hivectl check` finds on a board: what its firmware says of itself, and why another way to it is not there.

The firmware is the lab's (firmware/micropython): `hivelab.report()` prints one line of JSON. Without it a board is
checked as far as any board goes.
"""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING, Any

from hivectl.drivers.base import Command
from hivectl.drivers.errors import AddressError, ConnectTimeoutError, LoginError
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hivectl.drivers.base import Connection
    from hivectl.drivers.session import Failed

SECONDS = 20.0
LEAST_FREE = 16 * 1024
CODE = """
def _hivectl_check():
 import os, sys
 print(repr((".".join(str(n) for n in tuple(sys.implementation[1])[:3]), _hivectl_free(os))))
 try:
  import hivelab
 except ImportError:
  return
 hivelab.report()
def _hivectl_free(os):
 try:
  size = os.statvfs("/")
  return size[0] * size[3]
 except (AttributeError, OSError):
  return None
try:
 _hivectl_check()
finally:
 del _hivectl_check, _hivectl_free
"""
MODES = {
    "no-main": "it does not run its main.py",
    "safe": "it is in safe mode",
    "not-started": "its boot.py did not run, or was interrupted",
}
WIFI = {
    "connecting": "its Wi-Fi is not up: it is still trying to join {ssid}",
    "no-network": "its Wi-Fi is not up: the network {ssid} is not there",
    "wrong-password": "its Wi-Fi is not up: the password of the network {ssid} is wrong",
    "failed": "its Wi-Fi is not up: joining {ssid} failed",
    "off": "its Wi-Fi is off",
    "no-radio": "it has no Wi-Fi",
}
WEBREPL = {
    "no-password": "its WebREPL did not start: it was given no password",
    "password-too-long": "its WebREPL did not start: its password has more than 9 bytes",
    "missing": "its WebREPL did not start: its firmware has none",
    "failed": "its WebREPL did not start: {error}",
    "off": "its WebREPL was not started yet",
}


@record(kw_only=True)
class BoardHealth:
    """What is seen of a board.

    Attributes:
        version: of MicroPython; "" where it did not say.
        free: bytes free in its flash.
        warnings: one sentence each.
    """

    version: str = ""
    free: int | None = None
    warnings: tuple[str, ...] = field(default=())


async def check_board(connection: Connection, failed: Sequence[Failed]) -> BoardHealth:
    """Ask a board how it is, in one round trip.

    Args:
        connection: to it.
        failed: its ways that could not be opened before this one.

    Raises:
        NodeError: it does not answer.
    """
    done = await connection.run(Command(command=CODE, timeout=SECONDS))
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    version, free = _first(lines)
    report = _report(lines)
    warnings = []
    if done.rc:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        warnings.append(f"its firmware cannot say how it is: {last}")
    if report is not None:
        warnings += _own(report)
    warnings += [f"{one.name}: {diagnosis(one, report)}" for one in failed]
    if free is not None and free < LEAST_FREE:
        warnings.append(f"only {free // 1024} KiB free in its flash")
    return BoardHealth(version=version, free=free, warnings=tuple(warnings))


def diagnosis(failed: Failed, report: Mapping[str, Any] | None) -> str:
    """Say why a way to a board cannot be used, by what the board says over another one.

    Args:
        failed: the way.
        report: of the board's firmware; None: it has not the lab's.
    """
    error = failed.error
    if failed.driver != "webrepl":
        return error.message
    if isinstance(error, LoginError):
        # it listens, and its Wi-Fi is up, whatever it says
        return f"{error.message}; provision the board, or mend the inventory"
    if report is None:
        return f"{error.message}; the board has not the lab's firmware, which would say why"
    lacking = _lacking(report)
    if lacking is not None:
        return lacking
    where = f"{report['wifi'].get('ip')}:{report['webrepl'].get('port')}"
    told = f"its Wi-Fi is up and its WebREPL listens on {where}"
    if isinstance(error, AddressError | ConnectTimeoutError):
        return f"{told}: is that what the inventory says, and is there a way to it?"
    return f"{told}, but: {error.message}"


def _lacking(report: Mapping[str, Any]) -> str | None:
    """Say what a board's WebREPL lacks; None: it listens."""
    wifi: Mapping[str, Any] = report.get("wifi") or {}
    webrepl: Mapping[str, Any] = report.get("webrepl") or {}
    if not wifi:
        return f"its Wi-Fi was not started: {MODES.get(str(report.get('mode')), 'it is told of none')}"
    state = str(wifi.get("state"))
    if state != "up":
        return WIFI.get(state, f"its Wi-Fi is not up: {state}").format(ssid=wifi.get("ssid"))
    state = str(webrepl.get("state"))
    if state == "listening":
        return None
    return WEBREPL.get(state, f"its WebREPL did not start: {state}").format(error=webrepl.get("error"))


def _own(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a board's firmware complains of."""
    mode = str(report.get("mode"))
    if mode in MODES:
        reason = f": {report['reason']}" if report.get("reason") else ""
        yield MODES[mode] + reason
    crashes = report.get("crashes") or 0
    # the present start counts until it has settled
    if crashes > 1:
        yield f"its last {crashes} starts ended within a minute"
    if report.get("error"):
        yield f"its firmware had a fault: {report['error']}"
    time: Mapping[str, Any] = report.get("time") or {}
    if time.get("state") == "failed":
        yield f"its clock is not set: {time.get('error')}"


def _first(lines: Sequence[str]) -> tuple[str, int | None]:
    import ast

    for line in lines:
        try:
            version, free = ast.literal_eval(line)
        except (ValueError, SyntaxError, TypeError):
            continue
        return str(version), free if isinstance(free, int) else None
    return "", None


def _report(lines: Sequence[str]) -> dict[str, Any] | None:
    for line in reversed(lines):
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                return found
    return None
