"""`hivectl reserve`, `release`, `extend`, `quarantine` and `unquarantine`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import Inventories, Selector
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    from hivectl.engine.lab import Lab

reserve_app, release_app, extend_app = new_app(), new_app(), new_app()
quarantine_app, unquarantine_app = new_app(), new_app()
APPS = {
    "reserve": reserve_app,
    "release": release_app,
    "extend": extend_app,
    "quarantine": quarantine_app,
    "unquarantine": unquarantine_app,
}


class Shape(StrEnum):
    """How a reservation is printed."""

    TEXT = "text"
    JSON = "json"


For = Annotated[str | None, typer.Option("--for", metavar="TIME", help="How long: 90m, 2h, 1d.")]
Reservation = Annotated[
    str | None,
    typer.Argument(metavar="[ID]", help="The reservation; absent: the one in $HIVECTL_RESERVATION."),
]


@reserve_app.command()
def reserve(
    selector: Annotated[
        str, typer.Argument(metavar="SELECTOR|NAME", help="Nodes, or a reservation of the inventory.")
    ],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND]", help="With --heartbeat: hold the nodes while this runs."),
    ] = None,
    *,
    inventories: Inventories = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, metavar="N", help="So many of them. Default: all.")
    ] = None,
    duration: For = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Book for then: 14:00, '2026-11-22 14:00', +2h, next."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stand in the queue until they are free.")] = False,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="Give up waiting then; implies --wait.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", min=1, max=10, metavar="1-10", help="10 first. Default: 5.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="What others read.")] = None,
    heartbeat: Annotated[
        bool,
        typer.Option("--heartbeat", help="Hold them only while this command lives; for CI."),
    ] = False,
    look: Annotated[
        bool, typer.Option("--look/--no-look", help="See that each node answers before it is handed over.")
    ] = True,
    output: Annotated[Shape, typer.Option("--output", "-o", help="How to print it.")] = Shape.TEXT,
) -> int:
    """Reserve nodes, all of them or none, and print the reservation with its token, once.

    Later commands of yours use it by themselves; elsewhere set HIVECTL_RESERVATION to what is printed.

    Example: hivectl reserve 'board=pico2-ice' --count 2 --for 2h --wait --reason calibration
    """
    from hivectl.cli.labs import open_lab
    from hivectl.cli.reserving import Wanted, asked_for, hold_while, reserve_once

    if command and not heartbeat:
        raise InputError(
            "a command holds nodes only with --heartbeat", hint="hivectl reserve m1 --heartbeat -- make test"
        )
    lab = open_lab(inventories or ())
    wanted = Wanted(
        selector=selector,
        count=count,
        duration=duration,
        at=at,
        patience=timeout if timeout is not None else ("inf" if wait else None),
        priority=priority,
        reason=reason or "",
        heartbeat=heartbeat,
    )
    asked, patience = asked_for(lab, wanted)
    if heartbeat:
        return hold_while(lab, asked, patience, command or [], look=look, as_json=output is Shape.JSON)
    return reserve_once(lab, asked, patience, look=look, as_json=output is Shape.JSON)


@release_app.command()
def release(
    reservation: Reservation = None,
    *,
    inventories: Inventories = None,
    force: Annotated[
        bool, typer.Option("--force", help="As an admin (root, or the owner of the store) end another's.")
    ] = False,
) -> int:
    """Give a reservation's nodes back; what `on_release:` says is done before.

    Example: hivectl release r1a2b3c4d
    """
    from hivectl.cli.errors import say
    from hivectl.cli.labs import open_lab
    from hivectl.cli.reserving import on_standard_error
    from hivectl.cli.running import run
    from hivectl.engine.reserving import give_back
    from hivectl.report.names import listing
    from hivectl.store.keys import forget_key

    lab = open_lab(inventories or ())
    if force and reservation is None:
        raise InputError("--force needs the reservation's id", hint="`hivectl status` shows it")
    identity, key = (str(reservation), None) if force else _key(lab, reservation)
    freed = run(give_back(lab, identity, key, emit=on_standard_error))
    forget_key(identity)
    say(f"{identity} is over" + (f": {listing(list(freed))} given back" if freed else ""))
    return 0


@extend_app.command()
def extend(reservation: Reservation = None, *, inventories: Inventories = None, duration: For = None) -> int:
    """Let a reservation end later.

    Example: hivectl extend r1a2b3c4d --for 30m
    """
    from contextlib import closing

    from hivectl.cli.errors import say
    from hivectl.cli.labs import open_lab
    from hivectl.cli.reserving import seconds_of
    from hivectl.reservations.base import moment
    from hivectl.store.reservations import StoredReservations

    if duration is None:
        raise InputError("say by how much", hint="hivectl extend ID --for 30m")
    lab = open_lab(inventories or ())
    identity, key = _key(lab, reservation)
    with closing(lab.open_store()) as store:
        grant = StoredReservations(store, limit=lab.longest).prolong_now(
            identity, key, seconds_of(duration, "--for")
        )
    assert grant.ends is not None
    say(f"{identity} ends at {moment(grant.ends)}")
    return 0


def _key(lab: "Lab", reservation: str | None) -> tuple[str, str]:
    from hivectl.store.keys import given_key

    try:
        found = given_key(reservation)
    except InputError:
        _refuse_strange(lab, reservation)
        raise
    if found is None:
        raise InputError("which reservation?", hint="name its id, as `hivectl status` shows it")
    return found


def _refuse_strange(lab: "Lab", reservation: str | None) -> None:
    """Say that there is no such reservation, and which one was meant when it is a node's name.

    Raises:
        UnknownReservationError: there is none of that id.
    """
    from contextlib import closing

    from hivectl.reservations.base import UnknownReservationError
    from hivectl.store.reservations import StoredReservations

    if not reservation or ":" in reservation:
        return
    with closing(lab.open_store()) as store:
        stored = StoredReservations(store, limit=lab.longest)
        holders, waiting = stored.holders(), stored.waiting()
    if reservation in {holder.reservation for holder in holders.values()} | {row.id for row, _ in waiting}:
        return
    if reservation in holders:
        raise UnknownReservationError(
            f"{reservation} is a node, not a reservation",
            hint=f"it is held under {holders[reservation].reservation}",
        )
    raise UnknownReservationError(
        f"there is no reservation {reservation}, or it is over", hint="`hivectl reservations` shows all"
    )


@quarantine_app.command()
def quarantine(
    selector: Selector,
    *,
    inventories: Inventories = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why; everybody sees it.")
    ] = None,
) -> int:
    """Keep nodes from being given to anybody; who holds them now keeps them.

    Example: hivectl quarantine m2 --reason 'lens is cracked'
    """
    from contextlib import closing

    from hivectl.cli.errors import say
    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.report.names import listing
    from hivectl.store.health import NodeHealth
    from hivectl.store.process import owner

    if not reason or not reason.strip():
        raise InputError("say why", hint="hivectl quarantine m2 --reason 'lens is cracked'")
    lab = open_lab(inventories or ())
    nodes = chosen_nodes(lab, selector)
    with closing(lab.open_store()) as store:
        NodeHealth(store).quarantine(nodes, reason.strip(), owner())
    say(f"{listing(nodes)} in quarantine; `hivectl unquarantine {selector}` ends it")
    return 0


@unquarantine_app.command()
def unquarantine(selector: Selector, *, inventories: Inventories = None) -> int:
    """Let nodes be given again.

    Example: hivectl unquarantine m2
    """
    from contextlib import closing

    from hivectl.cli.errors import say
    from hivectl.cli.labs import open_lab
    from hivectl.cli.nodes import chosen_nodes
    from hivectl.report.names import listing
    from hivectl.store.health import NodeHealth

    lab = open_lab(inventories or ())
    with closing(lab.open_store()) as store:
        lifted = NodeHealth(store).lift(chosen_nodes(lab, selector))
    say(f"{listing(lifted)} out of quarantine" if lifted else "none of them was in quarantine")
    return 0
