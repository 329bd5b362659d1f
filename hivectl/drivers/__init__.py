"""How a node is reached."""

# files that are no drivers
MACHINERY = frozenset({"base", "boards", "errors", "registry", "local_process", "session", "terminal"})
