"""`hivectl check`: is everything reachable and sane?"""

from typing import TYPE_CHECKING, Any

from hivectl.cli.app import new_app
from hivectl.cli.options import Forks, Format, Inventories, OptionalSelector, Output

if TYPE_CHECKING:
    from hivectl.engine.adhoc import Health, Outcome

app = new_app()
APPS = {"check": app}


@app.command()
def check(
    selector: OptionalSelector = "all",
    *,
    inventories: Inventories = None,
    forks: Forks = None,
    output: Output = Format.TABLE,
) -> int:
    """Connect to every node side by side and say what would give trouble; exits 4 when one is unreachable.

    Example: hivectl check 'kind=microscope'
    """
    from hivectl.cli.errors import say, say_faults, worst
    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.cli.running import run
    from hivectl.cli.tables import Column, write
    from hivectl.engine import adhoc
    from hivectl.engine.options import FORKS
    from hivectl.store.errors import StoreError

    lab = open_lab(inventories or ())
    nodes = chosen_nodes(lab, selector)
    outcomes = run(adhoc.check(lab, nodes, forks=forks or FORKS))
    try:
        adhoc.remember_health(lab, outcomes)
    except StoreError as error:
        # what was seen is told all the same
        say(f"warning: the lab will not know of it: {error.message}")
    columns = [
        Column("node", "NODE"),
        Column("state", "STATE"),
        Column("login", "LOGIN"),
        Column("python", "PYTHON"),
        Column("latency_ms", "LATENCY", right=True),
        Column("skew_seconds", "CLOCK", right=True),
        Column("free", "HOME FREE", right=True),
        Column("connect_ms", "CONNECT", wide=True),
        Column("capabilities", "CAN", wide=True),
        Column("remarks", "REMARKS"),
    ]
    write("checks", columns, [_item(outcome, output) for outcome in outcomes], output)
    if output is Format.TABLE:
        say_faults({outcome.node: outcome.error for outcome in outcomes if outcome.error is not None})
    return worst(outcome.error.exit_code if outcome.error else 0 for outcome in outcomes)


def _item(outcome: "Outcome[Health]", output: Format) -> dict[str, Any]:
    """Return one node's row; a table has figures with units, everything else plain numbers."""
    if outcome.error is not None:
        remarks = [part for part in (outcome.error.message, outcome.error.hint) if part]
        code = outcome.error.exit_code
        state = "unreachable" if code == 4 else "failed"
        # below a table there is room for the whole reason
        return {"node": outcome.node, "state": state, "remarks": "" if output is Format.TABLE else remarks}
    seen = outcome.value
    assert seen is not None
    item: dict[str, Any] = {
        "node": outcome.node,
        "state": "warning" if seen.warnings else "ok",
        "login": seen.login,
        "python": seen.python,
        "latency_ms": None if seen.latency is None else round(seen.latency * 1000, 1),
        "skew_seconds": None if seen.skew is None else round(seen.skew, 1),
        "free": seen.free,
        "connect_ms": round(seen.connect * 1000, 1),
        "capabilities": list(seen.capabilities),
        "remarks": list(seen.warnings),
    }
    if output is Format.TABLE:
        item |= {
            "latency_ms": "" if seen.latency is None else f"{seen.latency * 1000:.0f} ms",
            "skew_seconds": "" if seen.skew is None else f"{seen.skew:+.1f} s" if seen.skew else "same",
            "free": "" if seen.free is None else _size(seen.free),
            "remarks": "; ".join(seen.warnings),
        }
    return item


def _size(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
