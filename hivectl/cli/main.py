"""The entry point: whatever happens, one clear message and an exit code of SURFACE's table."""

from __future__ import annotations

# nothing heavier here: Ctrl-C during an import must end in the `except` below
import atexit
import gc
import os
import sys
from typing import TYPE_CHECKING

from hivectl.cli.streams import output_fault, prepare_streams

if TYPE_CHECKING:
    from typing import NoReturn


def run() -> NoReturn:
    """Run the command line and end the process, which has nothing left to take to pieces."""
    try:
        main()
    except SystemExit as end:
        import threading

        if isinstance(end.code, int) and threading.active_count() == 1:
            atexit._run_exitfuncs()  # noqa: SLF001  # the same that Python calls, and all that it would do for us
            sys.stderr.flush()
            os._exit(end.code)
        raise


def main() -> NoReturn:
    """Run the command line and exit."""
    prepare_streams()
    # imports make no garbage, and short commands end before theirs counts; what runs long turns it on (cli/running.py)
    gc.disable()
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        code = 130
    # whoever goes on, or ends by Python's own rules, need not look for garbage in what a whole command has left
    gc.freeze()
    sys.exit(_flushed(code))


def _run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    from typer import Abort, Exit, TyperException

    from hivectl.cli import errors
    from hivectl.cli.app import run_command
    from hivectl.model.errors import HivectlError

    arguments, debug = _without_debug(arguments)
    code: int
    try:
        _need_output()
        code = run_command(arguments)
    except Exit as end:
        code = end.exit_code
    except Abort:
        raise KeyboardInterrupt from None
    except TyperException as error:
        code = errors.tell(errors.usage_error(error))
    except HivectlError as error:
        code = errors.tell(error, debug=debug)
    except ExceptionGroup as group:
        code = errors.tell_group(group, debug=debug)
    except Exception as error:  # noqa: BLE001 the last resort: no traceback ever reaches a user
        if isinstance(error.__cause__, KeyboardInterrupt):
            # Python 3.11 wraps whatever is raised while a class is made, and imports make many
            raise KeyboardInterrupt from None
        broken = isinstance(error, OSError) and output_fault() is not None
        # of a broken output `_flushed` says what there is to say
        code = 0 if broken else errors.fault(error, debug=debug)
    return code


def _need_output() -> None:
    if sys.stdout is None:
        from hivectl.cli.errors import OutputError

        raise OutputError("standard output is closed", hint="redirect it to /dev/null instead")


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Take `--debug` from wherever it stands before `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != "--debug"]
    return [*kept, *arguments[end:]], len(kept) != end


def _flushed(code: int) -> int:
    """Write out what is buffered; a reader that went away (`| head`) is no fault, a full disk is."""
    error = output_fault()
    if error is None:
        return code
    # or Python would try again at exit, and complain
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if isinstance(error, BrokenPipeError):
        return code
    sys.stderr.write(f"error: standard output cannot be written: {error.strerror}\n")
    return code or 1
