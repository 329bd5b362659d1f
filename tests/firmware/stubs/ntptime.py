"""`ntptime` in a network that has a time server, or none."""

import world

host = "pool.ntp.org"
timeout = 1


def settime():
    # four questions to a name server that is not there
    world.note("ntp", host)
    world.advance(200 if world.name_server else 4000)
    if not world.name_server:
        raise OSError(-2)
    world.epoch = 1795280400
