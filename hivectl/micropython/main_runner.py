"""What runs a board's program, on the board: it keeps what the program prints last, and how it ended."""

from __future__ import annotations

# MicroPython 1.12 and later; nothing that needs more than a few KiB, nothing written to flash without need
RUNNER = r"""# Written by hivectl: runs /hivectl/script.py, keeps what it prints last and how it ended.
def _run(since):
    import builtins, io, os, sys, time
    if not since:
        t = time.gmtime()
        if t[0] >= 2024:
            since = "%04d-%02d-%02dT%02d:%02d:%02dZ" % tuple(t[:6])

    def note(status):
        try:
            with open("/hivectl/state", "w") as f:
                f.write(repr((since, status)))
        except OSError:
            pass

    # first of all: how it ended the last time must not be taken for this time
    note(None)
    with open("/hivectl/settings") as f:
        settings = eval(f.read())
    path = "/hivectl/script.py"
    log = settings["log"] or "/hivectl/output"
    size = 2048
    ring = bytearray(size)
    total = 0
    saved = time.ticks_ms()
    printing = builtins.print

    def keep(data):
        nonlocal total
        if len(data) > size:
            data = data[-size:]
        at = total % size
        first = min(len(data), size - at)
        ring[at:at + first] = data[:first]
        if first < len(data):
            ring[:len(data) - first] = data[first:]
        total += len(data)

    def save():
        nonlocal saved
        saved = time.ticks_ms()
        at = total % size
        try:
            with open(log, "wb") as f:
                if total >= size:
                    f.write(memoryview(ring)[at:])
                f.write(memoryview(ring)[:at])
        except OSError:
            pass

    def tee(*values, **options):
        printing(*values, **options)
        if options.get("file") is None:
            text = io.StringIO()
            options["file"] = text
            printing(*values, **options)
            keep(text.getvalue().encode())
            if time.ticks_diff(time.ticks_ms(), saved) > 300000:
                save()

    def interrupts(character):
        try:
            import micropython
            micropython.kbd_intr(character)
        except (ImportError, AttributeError):
            pass

    def ended(status):
        interrupts(-1)
        builtins.print = printing
        save()
        note(status)
        if status != 130:
            # it may have caught an interrupt; in memory, so that it is known of this start of the interpreter alone
            builtins.hivectl_ended = time.ticks_ms()
        interrupts(3)

    save()
    builtins.print = tee
    # a second Ctrl-C may come before any line of a handler: until it is known how it ended, it was interrupted
    status = 130
    try:
        try:
            sys.argv[:] = [path] + settings["args"]
        except AttributeError:
            pass
        os.chdir(settings["directory"])
        scope = {"__name__": "__main__", "__file__": path}
        if hasattr(builtins, "execfile"):
            execfile(path, scope)
        else:
            with open(path) as f:
                text = f.read()
            exec(compile(text, path, "exec"), scope)
        status = 0
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        status = error.args[0] if error.args else 0
        if status is None:
            status = 0
        if not isinstance(status, int):
            said = status
            status = 1
            tee(said)
    except BaseException as error:
        status = 1
        text = io.StringIO()
        sys.print_exception(error, text)
        tee(text.getvalue(), end="")
    finally:
        # a second Ctrl-C may come while this is noted
        for _ in range(3):
            try:
                ended(status)
                break
            except KeyboardInterrupt:
                pass

_run(SINCE)
"""
