"""A board's part of the lab: Wi-Fi, WebREPL, clock, watchdog, safe mode, and a report of how they are.

Everything that waits for something is a step of `tick`, which a timer calls each second: a start takes no longer
where there is no Wi-Fi, a program in main.py needs to know nothing of it, and a REPL over USB works all the time.
Nothing is printed from `tick`: it would fall into whatever a REPL is saying.
"""

_lab = None


class SafeMode(Exception):
    """The board starts nothing of its own; says why."""


def boot():
    """Join the lab; called by boot.py.

    Raises:
        SafeMode: main.py shall not run.
    """
    global _lab  # noqa: PLW0603 - the one board that this is
    from hivelab.lab import Lab

    _lab = Lab()
    refusal = _lab.boot()
    if refusal:
        raise SafeMode(refusal)


def status():
    """Return how the board is; also in safe mode, and when boot.py did not run or was interrupted."""
    from hivelab.condition import status_of

    return status_of(_lab)


def report():
    """Print the status as one line of JSON: what `hivectl check` reads over USB."""
    import json

    print(json.dumps(status()))


def reset(why="asked"):
    """Start the board anew, not counting this as a crash."""
    import machine

    from hivelab import boots

    boots.announce(why)
    machine.reset()


def clear():
    """Forget all crashes and the wish for safe mode: the next start is a normal one."""
    from hivelab import boots, store

    store.remove(store.SAFE)
    store.remove(boots.CRASHES)


def wait(seconds):
    """Wait until the Wi-Fi is up, at most so many seconds; return whether it is."""
    return _lab is not None and _lab.wait(seconds)
