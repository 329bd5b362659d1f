"""Power: sockets, relays and hub ports that switch a node on and off."""

# files that are no backends
MACHINERY = frozenset({"base", "control", "http", "registry"})
