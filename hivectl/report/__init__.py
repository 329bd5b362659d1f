"""What people and programs read of a run: every reporter reads the same events.

A reporter is a file here with a `REPORTER`: `--report NAME[=FILE]` finds it by its name.
"""

MACHINERY = frozenset(
    {"base", "details", "folding", "live", "names", "plain", "registry", "summary", "text"},
)
