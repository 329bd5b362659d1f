"""What is sent to a node at the start: the node's part of the helper, as bytecode where the node can use ours."""

from __future__ import annotations

import importlib.util
import marshal
import sys
import zlib
from functools import cache
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hivectl.helper.operations import Batch

PROGRAM = "hivectl.helper.program"
NODE = "hivectl.helper.node"
PACKAGES = ("hivectl", "hivectl.helper", NODE)
OURS = importlib.util.MAGIC_NUMBER.hex()
SOURCE = "source--"

# The first thing that runs on a node. It says which bytecode it understands, takes the first bundle that it can use
# (see `preamble`), and finds the modules in there as they are imported, so that a node neither
# compiles nor loads what no operation asks for. `os.read` and nothing buffered: what follows belongs to the program.
LOADER = """\
import sys,os
if sys.version_info<(3,7):os.write(1,("\\nhivectl-%s old %s\\n"%(sys.argv[1],sys.version.split()[0])).encode());sys.exit(3)
import marshal,zlib
m=sys.modules["_frozen_importlib_external"].MAGIC_NUMBER.hex()
os.write(1,("\\nhivectl-%s %s\\n"%(sys.argv[1],m)).encode())
def r(n):
 b=b""
 while len(b)<n:
  c=os.read(0,n-len(b))
  if not c:sys.exit(0)
  b+=c
 return b
while 1:
 h=r(24).decode();d=r(int(h[8:16]))
 if h[:8] in(m,"source--"):break
 r(int(h[16:]))
b=marshal.loads(zlib.decompress(d))
class F:
 @staticmethod
 def find_spec(n,p=None,t=None):
  if n in b:return sys.modules["_frozen_importlib"].ModuleSpec(n,F,origin="hivectl",is_package=b[n] is None)
 @staticmethod
 def create_module(s):pass
 @staticmethod
 def exec_module(o):
  c=b[o.__name__]
  if c:exec(marshal.loads(c)if isinstance(c,bytes)else compile(c,o.__name__,"exec"),o.__dict__)
sys.meta_path.insert(0,F)
from hivectl.helper.program import main
main(b)
"""


# what only some operations need is sent before the first batch that has one of them
EXTRA = {
    "find": ("more", "finds"),
    "script": ("more", "scripts"),
    "temporary": ("more", "temporaries"),
    "duplicate": ("duplicates",),
    "download": ("more", "downloads", "requests"),
    "unpack": ("more", "archives", "archive_members", "archive_tree", "downloads", "requests"),
    # not an operation: what looks before it acts, for saved plans
    "watched": ("observe",),
    "facts": ("facts", "hardware_facts", "local_facts", "machine", "network_facts"),
    "wait": ("waits",),
    "cron": ("system", "tools", "crontabs"),
    "git": ("system", "tools", "repositories"),
    "hostname": ("system", "tools", "crontabs", "hostnames"),
    "package": ("system", "tools", "packages", "apt_index"),
    "pip": ("system", "tools", "wheels"),
    "group": ("system", "tools", "groups"),
    "service": ("system", "tools", "services", "systemd", "sysv"),
    "user": ("system", "tools", "groups", "users"),
}


@cache
def bundle(magic: str) -> bytes:
    """Return the first modules for an interpreter, packed.

    Args:
        magic: OURS for bytecode of this interpreter's version (importlib.util.MAGIC_NUMBER), SOURCE for any.
    """
    later = {name for names in EXTRA.values() for name in names}
    names = [f"{NODE}.{path.stem}" for path in _folder().glob("[!_]*.py") if path.stem not in later]
    contents: dict[str, bytes | str | None] = dict.fromkeys(PACKAGES)
    return _pack(magic, [PROGRAM, *names], contents)


def preamble(magic: str, ahead: bytes = b"") -> bytes:
    """Return what the loader reads: `magic`, two lengths of eight digits, the bundle, and frames for the program.

    Args:
        magic: OURS or SOURCE.
        ahead: frames that are sent without waiting for an answer; a node that cannot use the bundle skips them.
    """
    modules = bundle(magic)
    return f"{magic}{len(modules):08d}{len(ahead):08d}".encode() + modules + ahead


def lessons(batch: Batch) -> set[str]:
    """Return what a batch needs of EXTRA, by its names."""
    names = {item.operation.name for item in batch.items}
    return {*names, "watched"} if any(item.seen is not None for item in batch.items) else names


@cache
def extra(magic: str, operation: str) -> bytes:
    """Return the packed mapping of what an operation needs besides; b"" when it needs nothing."""
    names = EXTRA.get(operation, ())
    return _pack(magic, [f"{NODE}.{name}" for name in names], {}) if names else b""


def _pack(magic: str, names: list[str], contents: dict[str, bytes | str | None]) -> bytes:
    for name in names:
        contents[name] = _code(name) if magic == OURS else _source(name)
    # level 4: half the time of 6, and 3 % more; format 2 is read by every Python 3
    return zlib.compress(marshal.dumps(contents, 2), 4)


def _folder() -> Path:
    return Path(__file__).with_name("node")


def _source(name: str) -> str:
    path = (
        Path(__file__).with_name("program.py")
        if name == PROGRAM
        else _folder() / f"{name.rpartition('.')[2]}.py"
    )
    return path.read_text(encoding="utf-8")


def _code(name: str) -> bytes:
    """Return marshalled code; the import system's own cache spares us the compiler."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    code = spec.loader.get_code(name)  # type: ignore[attr-defined]  # every file loader has it
    assert isinstance(code, CodeType)
    return marshal.dumps(_strip(code))


def _strip(code: CodeType) -> CodeType:
    """Leave out what only a debugger needs: lines, columns and docstrings are half of all bytes."""
    constants = tuple(_strip(one) if isinstance(one, CodeType) else one for one in code.co_consts)
    if constants and isinstance(constants[0], str) and _documented(code):
        constants = (None, *constants[1:])
    return code.replace(co_consts=constants, co_linetable=b"", co_filename="hivectl")


def _documented(code: CodeType) -> bool:
    """Whether the first constant is a docstring; lambdas and comprehensions have none and begin with any constant."""
    optimized, has_docstring = 0x1, 0x4000000  # Include/cpython/code.h; the second from Python 3.13
    if sys.version_info >= (3, 13):
        return bool(code.co_flags & has_docstring)
    return bool(code.co_flags & optimized) and not code.co_name.startswith("<")
