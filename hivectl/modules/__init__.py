"""What a task can do, one file each."""

MACHINERY: frozenset[str] = frozenset(
    {
        "attributes",
        "base",
        "board_program",
        "board_repl",
        "commands",
        "connecting",
        "contents",
        "free_form",
        "keyboard",
        "launcher",
        "metering",
        "mip_packages",
        "registry",
        "tmux_window",
    }
)
