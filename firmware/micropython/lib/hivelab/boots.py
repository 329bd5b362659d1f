"""The board's starts: those that ended too soon are counted, the last ones are kept in a log.

Soft starts are neither: programs on the other side of a REPL make them for each thing they do.
"""

import json

from hivelab import store

CRASHES = store.FOLDER + "/crashes"
ANNOUNCED = store.FOLDER + "/announced"
LOG = store.FOLDER + "/boots.jsonl"
KEPT = 8
# after so many starts that ended too soon main.py is left out; after two more everything
LIMIT = 3
SECOND_LIMIT = LIMIT + 2


def announce(why):
    """Say that the next start is wanted, and no crash."""
    store.write_text(ANNOUNCED, why)


def begin(cause):
    """Count this start; return how many went before that ended too soon, and who asked for this one."""
    why = store.read_text(ANNOUNCED)
    crashes = count()
    if cause == "soft":
        return crashes, None
    if why is not None:
        store.remove(ANNOUNCED)
    elif cause != "deep-sleep":
        store.write_text(CRASHES, str(crashes + 1))
    return crashes, why


def count():
    """Return how many starts ended too soon; the present one is among them until it has settled."""
    try:
        return int(store.read_text(CRASHES) or 0)
    except ValueError:
        # cut off on a file system that does not keep its word
        return 0


def settle(*, whole):
    """Note that the board has been up long enough; `whole`: with main.py, so that all is well again."""
    if whole:
        store.remove(CRASHES)
    elif count() > LIMIT:
        # main.py stays out until somebody says otherwise, but power cuts shall not lead further
        store.write_text(CRASHES, str(LIMIT))


def entries():
    """Return the log, the oldest start first."""
    found = []
    for line in (store.read_text(LOG) or "").split("\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def log(entry):
    """Write a start into the log, in place of what it says of the same start."""
    kept = [one for one in entries() if one.get("n") != entry["n"]]
    lines = [json.dumps(one) for one in kept[1 - KEPT :]] + [json.dumps(entry)]
    store.write_text(LOG, "\n".join(lines) + "\n")
