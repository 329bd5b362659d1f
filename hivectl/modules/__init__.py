"""What a task can do, one file each."""

MACHINERY: frozenset[str] = frozenset(
    {"attributes", "base", "commands", "contents", "free_form", "launcher", "registry"}
)
