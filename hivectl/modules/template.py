"""`template`: a Jinja2 file, rendered for the node."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hivectl.drivers.base import Capability
from hivectl.helper.operations import Content, ItemResult, Operation
from hivectl.model.parameters import parameter
from hivectl.model.records import record
from hivectl.model.secret import Secret
from hivectl.modules.attributes import (
    FILE_RETURNS,
    PLACED_RETURNS,
    PlacedParameters,
    attributes_of,
    with_source,
    write_into,
)
from hivectl.modules.base import Module, ModuleError, Result, TaskContext, merge_results, named_source
from hivectl.modules.contents import mode_of, text_of_file

NEWLINES = {"\\n": "\n", "\\r": "\r", "\\r\\n": "\r\n"}
SYNTAX = (
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
    "lstrip_blocks",
)


@record(kw_only=True)
class Parameters(PlacedParameters):
    """What `template` takes."""

    src: str = parameter("Template on this machine, UTF-8.")
    trim_blocks: bool = parameter("Whether the newline behind a block is cut off.", default=True)
    lstrip_blocks: bool = parameter("Whether blanks before a block are cut off.", default=False)
    block_start_string: str = parameter("What begins a block.", default="{%", kind="template")
    block_end_string: str = parameter("What ends a block.", default="%}", kind="template")
    variable_start_string: str = parameter("What begins an expression.", default="{{", kind="template")
    variable_end_string: str = parameter("What ends an expression.", default="}}", kind="template")
    comment_start_string: str = parameter("What begins a comment.", default="{#", kind="template")
    comment_end_string: str = parameter("What ends a comment.", default="#}", kind="template")
    newline_sequence: str = parameter(
        "What ends a line in the file.", default="\n", choices=("\n", "\r", "\r\n", "\\n", "\\r", "\\r\\n")
    )
    output_encoding: str = parameter("Encoding of the file on the node.", default="utf-8")


def operations(parameters: Parameters, context: TaskContext) -> Sequence[Operation]:
    """Render, and return the one Write.

    Raises:
        ModuleError: the file cannot be read or written in its encoding.
        InputError: a fault in the template, with its line.
    """
    source = context.find_file(parameters.src, "templates")
    newline = NEWLINES.get(parameters.newline_sequence, parameters.newline_sequence)
    rendered = context.render_text(
        text_of_file(source),
        path=source,
        options={name: getattr(parameters, name) for name in SYNTAX} | {"newline_sequence": newline},
        **template_variables(parameters, source, context),
    )
    secret = isinstance(rendered, Secret)
    text = rendered.reveal() if isinstance(rendered, Secret) else rendered
    mode = mode_of(source) if parameters.mode == "preserve" else parameters.mode
    content = Content.of(_encoded(text, parameters, context), secret=secret)
    return (write_into(parameters, source.name, content, attributes_of(parameters, mode=mode)),)


def result(parameters: Parameters, results: Sequence[ItemResult], _context: TaskContext) -> Result:
    """Return the result of the one Write, and what it was made of."""
    return with_source(parameters.src, merge_results(results))


def template_variables(parameters: Parameters, source: Path, context: TaskContext) -> dict[str, Any]:
    """Return the variables that Ansible's users know inside of a template, about the template itself."""
    from hivectl.model.lookups.about import about_template

    about = about_template(parameters.src, source, context.variables)
    return {**about, "template_destpath": parameters.dest}


def _encoded(text: str, parameters: Parameters, context: TaskContext) -> bytes:
    try:
        return text.encode(parameters.output_encoding)
    except LookupError as error:
        raise ModuleError(
            f"there is no encoding {parameters.output_encoding!r}",
            origin=context.origin,
            hint="utf-8 is usual",
        ) from error
    except UnicodeEncodeError as error:
        raise ModuleError(
            f"character {error.start} of the rendered text does not exist in {parameters.output_encoding}",
            origin=context.origin,
        ) from None  # the cause holds the text, and with it perhaps a secret


MODULE = Module(
    name="template",
    summary="A Jinja2 file, rendered for the node",
    parameters=Parameters,
    operations=operations,
    result=result,
    capabilities=frozenset({Capability.FILES}),
    sources=named_source("src", folder="templates", kind="file"),
    example="""\
- name: The pump's settings
  template:
    src: pump.toml.j2
    dest: /etc/pump.toml
    mode: "0644"
""",
    returns={
        **PLACED_RETURNS,
        **FILE_RETURNS,
    },
)
