"""The typer application: each command is in a file of its own, imported when it is called."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from hivectl import __version__
from hivectl.model.errors import InputError

if TYPE_CHECKING:
    # typer brings its own copy of click and names these types nowhere else
    from typer._click import Command, Context, HelpFormatter

# command -> its file here, and what `hivectl --help` says of it (imports of all files would cost 40 ms)
COMMANDS = {
    "apply": ("apply", "Plan and run a playbook."),
    "plan": ("apply", "Observe the nodes and show what would change."),
    "graph": ("graph", "Write a playbook's graph as Mermaid or DOT."),
    "validate": ("validate", "Check playbooks and inventories, offline."),
    "reserve": ("reserve", "Take nodes for a time, or while a command runs."),
    "release": ("reserve", "Give a reservation's nodes back."),
    "extend": ("reserve", "Let a reservation end later."),
    "quarantine": ("reserve", "Keep nodes from being given to anybody."),
    "unquarantine": ("reserve", "Let nodes be given again."),
    "exec": ("exec", "Run one command on each node."),
    "flash": ("flash", "Put firmware or a bitstream on a board."),
    "evaluate": ("evaluate", "Measure circuits on FPGA boards."),
    "shell": ("shell", "A node's default shell, interactive."),
    "check": ("check", "Is everything reachable and sane?"),
    "status": ("status", "Nodes, their health, who holds them, their last run."),
    "reservations": ("status", "Who holds what, who waits for it, who has booked."),
    "facts": ("facts", "What a node says of itself."),
    "vars": ("variables", "A node's variables, and where they come from."),
    "runs": ("runs", "The runs so far."),
    "run": ("runs", "Look at one run."),
    "inventory": ("inventory", "Look at the inventory."),
    "modules": ("modules", "What a task can do."),
    "drivers": ("modules", "How a node can be reached."),
    "boards": ("flash", "Which boards are known, and how they are flashed."),
    "plugin": ("plugin", "Write plugins, list those installed."),
    "schema": ("schema", "JSON Schemas for editors."),
}


HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class CommandGroup(TyperGroup):
    """The commands of COMMANDS, each made when it is asked for."""

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002 click's signature
        """Return the names in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":  # noqa: ARG002 click's signature
        """Import a command's file and return the command, or None."""
        if cmd_name not in COMMANDS:
            return None
        return load(cmd_name)

    def resolve_command(
        self, ctx: "Context", args: list[str]
    ) -> "tuple[str | None, Command | None, list[str]]":
        """Find the command that the arguments begin with; raises InputError with the nearest right name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from hivectl.model.suggestions import nearest

            guess = nearest(args[0], COMMANDS)
            raise InputError(
                f"there is no command '{args[0]}'",
                hint=f"did you mean `hivectl {guess}`?" if guess else "see `hivectl --help`",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:  # noqa: ARG002 click's signature
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


def load(name: str) -> "Command":
    """Import a command's file and return the command as typer made it."""
    module = import_module(f"hivectl.cli.{COMMANDS[name][0]}")
    command = get_command(module.APPS[name])
    command.name = name
    return command


def new_app(cls: type[TyperGroup] | None = None) -> typer.Typer:
    """Make a typer application as all of ours are: no rich, no completion options of its own."""
    return typer.Typer(
        cls=cls,
        no_args_is_help=cls is not None,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        suggest_commands=False,
        context_settings=HELP,
    )


def _show_version(asked: bool) -> None:
    if asked:
        print(f"hivectl {__version__}")
        raise typer.Exit


app = new_app(CommandGroup)


@app.callback()
def hivectl(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version and exit."),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,
) -> None:
    """Ansible for hardware labs: nodes, reservations and desired state in YAML under git.

    Example: hivectl apply playbooks/quickstart.yml --check
    """


def run_command(arguments: list[str]) -> int:
    """Parse the command line and run its command; returns the exit code.

    Raises:
        HivectlError: what the command raises.
        TyperException: the command line is wrong.
        Exit: help or the version was asked for.
    """
    command = get_command(app)
    if "_HIVECTL_COMPLETE" in os.environ:
        command.main(args=arguments, prog_name="hivectl", standalone_mode=False)
    with command.make_context("hivectl", arguments) as context:
        return int(command.invoke(context) or 0)
