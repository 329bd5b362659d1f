"""What is sent to a node without Python: the loader on the command line, and the program behind it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

# the magic word in the preamble's place of a bytecode version; the loader takes no other
SH = "sh------"
# in this order: a function is known before its first use at the top level
PARTS = ("base", "paths", "modes", "files", "contents", "edits", "runs", "lock", "waits", "facts")

# The first thing that runs where there is no Python. It says so, skips what was sent ahead for one (see
# `hivectl.helper.bundle.preamble`), and becomes the program. One byte after the other only where dd knows no other way.
LOADER = """\
command -v dd >/dev/null||{ echo "this node has neither Python nor dd">&2;exit 4;}
h_nonce=$1;printf '\\nhivectl-%s sh\\n' $1;h_dd=
: | dd iflag=fullblock 2>/dev/null && h_dd=iflag=fullblock
h_get(){ if [ "$h_dd" ];then dd bs=$1 count=1 $h_dd 2>/dev/null;else dd bs=1 count=$1 2>/dev/null;fi;}
while :;do
h_d=$(dd bs=1 count=24 2>/dev/null)
[ ${#h_d} = 24 ]||exit 0
h_n=${h_d#????????};h_m=$((1${h_n#????????}-100000000));h_n=$((1${h_n%????????}-100000000))
case $h_d in sh*)break;;esac
h_get $((h_n+h_m)) >/dev/null
done
h_p=$(h_get $h_n)
eval "$h_p"
"""


@cache
def program() -> bytes:
    """Return the program, without what only people read."""
    lines = [line for part in PARTS for line in _lines(part)]
    return "\n".join([*lines, "h_pid=$$", "h_setup", "h_serve"]).encode()


@cache
def lesson(part: str) -> str:
    """Return what goes ahead of the first batch that needs it.

    Args:
        part: "remote", for operations that the controller carries out; "observe", to look before acting.
    """
    return "\n".join(_lines(part)) + "\n"


def _lines(part: str) -> list[str]:
    text = Path(__file__).with_name("node").joinpath(f"{part}.sh").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def preamble(ahead: bytes = b"") -> bytes:
    """Return what the loader reads: magic, two lengths of eight digits, the program, and frames for it."""
    code = program()
    return f"{SH}{len(code):08d}{0:08d}".encode() + code + ahead
