"""The closed set of operations and the stdlib-only program that carries them out on a node."""
