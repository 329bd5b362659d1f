"""How a node is reached."""

# files that are no drivers
MACHINERY = frozenset({"base", "errors", "registry", "local_process", "session", "terminal"})
