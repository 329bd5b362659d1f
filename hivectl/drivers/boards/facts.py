"""What a board is, in one round trip, under the names that Ansible gives facts where it has such."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from hivectl.helper.facts_index import FACT_NAMES
from hivectl.micropython.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hivectl.micropython.repl import Repl

SECONDS = 20.0
# between the literal and the list of modules, which the board prints by itself
MARK = "\x1dmodules\x1d"
# each part is asked for by itself: firmwares differ in what they have
CODE = rf"""
def _hivectl_facts():
 import sys
 f={{}}
 def put(name,ask):
  try:f[name]=ask()
  except Exception:pass
 def uname():
  import os
  return tuple(os.uname())
 def unique():
  import machine,binascii
  return binascii.hexlify(machine.unique_id()).decode()
 def memory():
  import gc
  gc.collect()
  return gc.mem_free(),gc.mem_alloc()
 def flash():
  import os
  return tuple(os.statvfs("/"))[:5]
 def clock():
  import time
  return tuple(time.gmtime())[:6]
 def cause():
  import machine
  return machine.reset_cause()
 def frequency():
  import machine
  x=machine.freq()
  return x if isinstance(x,int) else x[0]
 def network():
  import network,binascii
  w=network.WLAN(network.STA_IF)
  return w.active() and w.isconnected(),w.ifconfig(),binascii.hexlify(w.config("mac"),":").decode()
 put("platform",lambda:sys.platform)
 put("version",lambda:tuple(sys.implementation[1])[:3])
 put("python",lambda:sys.version)
 put("machine",lambda:sys.implementation._machine)
 put("mpy",lambda:sys.implementation._mpy)
 put("build",lambda:sys.implementation._build)
 for n,a in(("uname",uname),("id",unique),("memory",memory),("flash",flash),("clock",clock),("cause",cause),("frequency",frequency),("network",network)):put(n,a)
 return f
print(repr(_hivectl_facts()))
del _hivectl_facts
print({MARK!r})
try:help("modules")
except Exception:pass
"""
# py/persistentcode.h in MicroPython: bits 2 to 5 of sys.implementation._mpy's second byte
ARCHITECTURES = (
    *("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa"),
    *("xtensawin", "rv32imc", "rv64imc"),
)


async def gather(repl: Repl, groups: Sequence[str], node: str) -> dict[str, Any]:
    """Return a board's facts of the asked groups; raises as `Repl.execute`."""
    output = await repl.execute(CODE, timeout=SECONDS)
    told, _, listed = output.decode("utf-8", "replace").replace("\r\n", "\n").partition(MARK)
    try:
        found = ast.literal_eval(told.strip())
    except (ValueError, SyntaxError) as error:
        raise ProtocolError(f"the board's facts are no literal: {told[:200]}", node=node) from error
    facts = facts_of(found, modules_in(listed))
    return {name: value for name, value in facts.items() if FACT_NAMES[f"ansible_{name}"] in groups}


def modules_in(text: str) -> list[str]:
    """Return the names that `help("modules")` printed in columns, without the sentence below them."""
    lines = text.partition("Plus any modules")[0].splitlines()
    names = {name.removesuffix("/__init__").replace("/", ".") for line in lines for name in line.split()}
    return sorted(names - {"__main__"})


def facts_of(found: dict[str, Any], modules: list[str]) -> dict[str, Any]:
    """Return what a board told as facts, without `ansible_`; what it did not tell is left out.

    Args:
        found: name -> value, as CODE prints it.
        modules: names of what it can import.
    """
    uname = dict(
        zip(("system", "node", "release", "version", "machine"), found.get("uname", ()), strict=False)
    )
    version = ".".join(str(part) for part in found.get("version", ())) or uname.get("release", "")
    machine = uname.get("machine") or found.get("machine", "")
    board: dict[str, Any] = {"platform": found.get("platform", ""), "version": version, "machine": machine}
    board |= {
        name: found[key]
        for name, key in (
            ("id", "id"),
            ("frequency", "frequency"),
            ("build", "build"),
            ("reset_cause", "cause"),
        )
        if key in found
    }
    if "memory" in found:
        board |= dict(zip(("memory_free", "memory_used"), found["memory"], strict=True))
    mounts = _mounts(found.get("flash"))
    if mounts:
        board |= {"flash_free": mounts[0]["size_available"], "flash_total": mounts[0]["size_total"]}
    board["modules"] = modules
    facts: dict[str, Any] = {
        "board": board,
        "system": "MicroPython",
        "os_family": "MicroPython",
        "distribution": "MicroPython",
        "distribution_version": version,
        "distribution_major_version": version.partition(".")[0],
        "machine": machine,
        "nodename": uname.get("node", ""),
        "python": {"type": "micropython", "version": version},
        "python_version": str(found.get("python", "")).partition(";")[0],
        "mounts": mounts,
    }
    if "id" in found:
        facts["machine_id"] = found["id"]
    if "mpy" in found:
        number = found["mpy"] >> 10 & 0x0F
        if 0 < number < len(ARCHITECTURES):
            facts["architecture"] = ARCHITECTURES[number]
    return facts | _clock(found.get("clock")) | _network(found.get("network"))


def _mounts(flash: tuple[int, ...] | None) -> list[dict[str, Any]]:
    if flash is None:
        return []
    block, fragment, total, _, free = flash[:5] if len(flash) >= 5 else (*flash, 0, 0, 0, 0)[:5]
    size = fragment or block
    return [
        {
            "mount": "/",
            "block_size": size,
            "block_total": total,
            "block_available": free,
            "block_used": total - free,
            "size_total": size * total,
            "size_available": size * free,
        }
    ]


def _clock(clock: tuple[int, ...] | None) -> dict[str, Any]:
    """Return the time as Ansible does; a board whose clock was never set counts from 1970, 2000 or 2021."""
    if clock is None:
        return {}
    year, month, day, hour, minute, second = clock
    return {
        "date_time": {
            "year": f"{year:04d}",
            "month": f"{month:02d}",
            "day": f"{day:02d}",
            "hour": f"{hour:02d}",
            "minute": f"{minute:02d}",
            "second": f"{second:02d}",
            "tz": "UTC",
            "date": f"{year:04d}-{month:02d}-{day:02d}",
            "time": f"{hour:02d}:{minute:02d}:{second:02d}",
            "iso8601": f"{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z",
        }
    }


def _network(network: tuple[Any, ...] | None) -> dict[str, Any]:
    if network is None:
        return {}
    connected, (address, netmask, gateway, server), mac = network
    if not connected:
        return {"interfaces": ["wlan0"], "default_ipv4": {}, "all_ipv4_addresses": []}
    known = {
        "address": address,
        "netmask": netmask,
        "gateway": gateway,
        "macaddress": mac,
        "interface": "wlan0",
    }
    return {
        "interfaces": ["wlan0"],
        "default_ipv4": known,
        "all_ipv4_addresses": [address],
        "dns": {"nameservers": [server]},
    }
