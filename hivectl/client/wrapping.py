"""How a command is put to a prompt so that exactly its output is found again, and its end.

Around the output stand markers, which are escape sequences that terminals ignore: `ESC ] 7770 ; NONCE ; TEXT BEL`
(an operating system command, ECMA-48, of a number that nobody uses). What is typed never holds an ESC, so that its
echo cannot be mistaken for a marker, and the nonce is new each time, so that no output can either.
"""

from __future__ import annotations

import base64
import re
import secrets
import shlex
from typing import TYPE_CHECKING

from hivectl.client.values import showing_values
from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Iterable

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "rbash", "busybox"})
PYTHONS = re.compile(r"(i?python|pypy|micropython)[0-9.]*")
PYTHON_PROMPT = re.compile(r">>>( |$)|In \[[0-9]+\]:( |$)")
# behind the prompt of a shell that drew it only when our line, typed ahead of it, had been echoed
PYTHON_BEHIND_SHELL = re.compile(r".*[#$%] (>>>|In \[[0-9]+\]:)")
PYTHON_MORE = re.compile(r"\.\.\.( |$)|\s+\.\.\.:")
SHELL_MORE = re.compile(r"(\w+ )*> ?$")
# longer ones, and those that a line editor would take for keys, are handed over by tmux
LONGEST_TYPED = 400
# the name of the shell's variable that keeps $? between our lines
STATUS = "__hivectl"

SHELL = "shell"
PYTHON = "python"
MICROPYTHON = "micropython"
# what sys.implementation calls those that have no subprocess, no ast, and another traceback
SMALL = frozenset({"micropython", "circuitpython"})
# characters that are typed before their echo is waited for: a board's line has no flow control, and a buffer of 256
PIECE = 120


@record(kw_only=True)
class Prompt:
    """Where a pane stands.

    Attributes:
        kind: SHELL, PYTHON (whichever it is) or MICROPYTHON; "" when it takes no command.
        program: what runs there.
        interrupt: something half typed must be left by Ctrl-C first.
        fallback: try this kind if nothing answers.
    """

    kind: str
    program: str
    interrupt: bool = False
    fallback: str = ""


def prompt_of(program: str, line: str) -> Prompt:
    """Tell what a pane waits for.

    Args:
        program: its foreground process, as tmux names it.
        line: where its cursor stands.
    """
    shell = program in SHELLS
    if PYTHON_PROMPT.match(line):
        # a script of sh may have started it; or somebody's shell has such a prompt
        return Prompt(kind=PYTHON, program=program, fallback=SHELL if shell else "")
    if PYTHONS.fullmatch(program):
        if line.endswith(">>>"):
            # behind output without an end of its line
            return Prompt(kind=PYTHON, program=program)
        more = bool(PYTHON_MORE.match(line))
        return Prompt(kind=PYTHON if more else "", program=program, interrupt=more)
    if shell:
        return Prompt(kind=SHELL, program=program, interrupt=bool(SHELL_MORE.fullmatch(line)))
    return Prompt(kind="", program=program)


def new_nonce() -> str:
    """Return what makes the markers of one command its own."""
    return secrets.token_hex(6)


def marker(nonce: str, text: str) -> bytes:
    """Return a marker as it comes out."""
    return f"\x1b]7770;{nonce};{text}\x07".encode()


def answer_of(nonce: str) -> re.Pattern[bytes]:
    """Return what the answer to a probe looks like; the group tells which Python it is."""
    return re.compile(rb"\x1b\]7770;%s;p([a-z]*)\x07" % nonce.encode())


def end_of(nonces: Iterable[str]) -> re.Pattern[bytes]:
    """Return what the end of one of some commands looks like; the groups tell which, and how it ended."""
    known = "|".join(nonces).encode()
    return re.compile(rb"\x1b\]7770;(%s);e([a-z0-9]+)\x07" % known)


@record(kw_only=True)
class Typed:
    """What is typed for a command.

    Attributes:
        line: one line, printable ASCII.
        buffer: for a tmux buffer named after the nonce; "" for none; printable ASCII.
    """

    line: str
    buffer: str = ""


def probe(kind: str, nonce: str) -> str:
    """Return a harmless line that is answered by a marker `p` where a prompt of this kind is.

    Python's says which one it is; MicroPython's print knows no `flush`, and nobody's prompt comes before it.
    """
    if kind == PYTHON:
        name = "__import__('sys').implementation.name"
        return f"__import__('builtins').print('\\x1b]7770;{nonce};p'+{name}+'\\x07',end='')"
    return f" {STATUS}=$?;printf '\\033]7770;%s;p\\007' {nonce}"


def typed_for_shell(command: str, nonce: str, *, program: str, tmux: str) -> Typed:
    """Wrap a command for a POSIX shell or zsh; `$?` is what it was before."""
    # an error of syntax ends a line of sh, but for `command`, which means another thing in zsh
    run = "eval" if program == "zsh" else "command eval"
    if len(command) <= LONGEST_TYPED and command.isascii() and command.isprintable():
        buffer = ""
        words = shlex.quote(command)
    else:
        data = command.encode("utf-8", "surrogateescape")
        buffer = "".join(
            chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\0{byte:03o}" for byte in data
        )
        # the text ends with a newline of its own only if a character behind it keeps that
        words = f'"$(printf %b "$({shlex.quote(tmux)} show-buffer -b hivectl-{nonce})")"'
    line = (
        f" printf '\\033]7770;%s;b\\007' {nonce};(exit ${STATUS});{run} {words};"
        f"{STATUS}=$?;printf '\\033]7770;%s;e%s\\007' {nonce} ${STATUS};(exit ${STATUS})"
    )
    return Typed(line=line, buffer=buffer)


# runs in the node's Python 3.7 or newer: statements one by one, as at the prompt, which shows values
RUNNER = """
def run(source, nonce, names):
    import ast, os, sys, traceback
    def mark(text):
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(1, ("\\033]7770;%s;%s\\007" % (nonce, text)).encode())
    mark("b")
    end = "ok"
    hook = sys.displayhook
    if type(hook).__module__.startswith("IPython"):
        sys.displayhook = sys.__displayhook__
    try:
        for statement in ast.parse(source, "<hivectl>").body:
            exec(compile(ast.Interactive([statement]), "<hivectl>", "single"), names)
    except SystemExit:
        mark("eexit")
        raise
    except SyntaxError as error:
        end = "failed"
        deep = error.__traceback__.tb_next is not None and error.filename != "<hivectl>"
        sys.stderr.write("".join((traceback.format_exception if deep else lambda *e: traceback.format_exception_only(*e[:2]))(
            type(error), error, error.__traceback__)))
    except BaseException as error:
        end = "failed"
        traceback.print_exception(type(error), error, error.__traceback__.tb_next)
    finally:
        sys.displayhook = hook
    mark("e" + end)
"""


def typed_for_python(source: str, nonce: str, *, tmux: str) -> Typed:
    """Wrap statements for a Python prompt."""
    # a lone surrogate stands for a byte that is no text
    text = f"{RUNNER}\nrun({source!a}, {nonce!r}, names)"
    buffer = base64.b64encode(text.encode()).decode()
    load = f"__import__('subprocess').check_output([{tmux!r},'show-buffer','-b','hivectl-{nonce}'])"
    line = f"__import__('builtins').exec(__import__('base64').b64decode({load}),{{'names':globals()}})"
    return Typed(line=line, buffer=buffer)


# runs in MicroPython; what stands before its own frame in a traceback is cut off here
SMALL_RUNNER = """
def m(t):print('\x1b]7770;%s;'+t+'\x07',end='')
m('b')
try:
 exec(s,g)
 m('eok')
except SystemExit:
 m('eexit')
 raise
except BaseException as e:
 import sys
 m('t')
 sys.print_exception(e)
 m('efailed')
"""
OWN_FRAME = re.compile(rb'  File "<string>", line [0-9]+, in <module>\n')


def typed_for_micropython(source: str, nonce: str) -> Typed:
    """Wrap statements for a MicroPython prompt: one line that holds everything, for a board reads no tmux buffer."""
    return Typed(line=f"exec({SMALL_RUNNER % nonce!a},{{'s':{showing_values(source)!a},'g':globals()}})")


def without_own_frame(output: bytes, nonce: str) -> bytes:
    """Return what a MicroPython command has printed, its traceback without the line of our wrapping."""
    printed, raised, traceback = output.partition(marker(nonce, "t"))
    return printed + OWN_FRAME.sub(b"", traceback, count=1) if raised else output
