"""`hivectl graph`: a playbook's graph as Mermaid or DOT."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from hivectl.cli.app import new_app
from hivectl.cli.options import ExtraVariables, Inventories, Limit, Playbook, SkipTags, Tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.engine.plan import Plan, Vertex

app = new_app()
APPS = {"graph": app}


class Drawing(StrEnum):
    """What the graph is written for."""

    MERMAID = "mermaid"
    DOT = "dot"


@app.command()
def graph(
    playbook: Playbook,
    *,
    inventories: Inventories = None,
    limit: Limit = None,
    tags: Tags = None,
    skip_tags: SkipTags = None,
    extra: ExtraVariables = None,
    form: Annotated[
        Drawing, typer.Option("--format", help="For Markdown pages, or for Graphviz.")
    ] = Drawing.MERMAID,
) -> int:
    """Write the graph of a playbook's tasks: what waits for what, on which nodes.

    Example: hivectl graph playbooks/quickstart.yml --format dot | dot -Tsvg > graph.svg
    """
    from hivectl.cli.extra_variables import extra_variables
    from hivectl.cli.words import split_words
    from hivectl.engine.chosen import with_headers
    from hivectl.engine.lab import open_lab
    from hivectl.engine.plan import Tags as Wanted
    from hivectl.engine.plan import build_plan
    from hivectl.model.playbook_loader import load_playbook
    from hivectl.modules.registry import known_module, module_names

    lab = open_lab(inventories or ())
    plan = build_plan(
        with_headers(
            load_playbook(playbook, known_module, module_names), lab.inventory, extra_variables(extra or ())
        ),
        lab.inventory,
        limit=limit,
        tags=Wanted(split_words(tags), split_words(skip_tags)),
    )
    for line in _mermaid(plan) if form is Drawing.MERMAID else _dot(plan):
        print(line)
    return 0


def _label(plan: "Plan", vertex: "Vertex") -> tuple[str, str]:
    """Return the task's name, and the nodes that do it."""
    from hivectl.report.names import listing
    from hivectl.report.text import one_line

    task = plan.tasks[vertex.task]
    return one_line(task.title or task.module, 80), listing(plan.group_of[vertex], 40)


def _plays(plan: "Plan") -> "Iterator[tuple[str, list[Vertex]]]":
    """Yield each play's name and vertices."""
    play_of = {task.number: planned.play for planned in plan.plays for task in planned.play.tasks()}
    for planned in plan.plays:
        vertices = [vertex for vertex in plan.graph if play_of.get(vertex.task) is planned.play]
        if vertices:
            yield planned.play.name or planned.play.hosts, vertices


def _mermaid(plan: "Plan") -> "Iterator[str]":
    yield "flowchart TD"
    for number, (name, vertices) in enumerate(_plays(plan), 1):
        yield f'  subgraph play{number}["{_mermaid_text(name)}"]'
        for vertex in vertices:
            task, nodes = (_mermaid_text(part) for part in _label(plan, vertex))
            yield f'    {_name(vertex)}["{task}<br/>{nodes}"]'
        yield "  end"
    for first, then in plan.graph.edges():
        yield f"  {_name(first)} --> {_name(then)}"


def _mermaid_text(text: str) -> str:
    """Return a text as Mermaid takes it between quotes: what has a meaning there as an entity (Mermaid, Entity codes)."""
    return "".join(character if character not in '"<>&#;`' else f"#{ord(character)};" for character in text)


def _dot(plan: "Plan") -> "Iterator[str]":
    yield "digraph playbook {"
    yield '  node [shape=box fontname="sans-serif"];'
    for number, (name, vertices) in enumerate(_plays(plan), 1):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={_dot_text(name)};"
        for vertex in vertices:
            task, nodes = _label(plan, vertex)
            yield f"    {_name(vertex)} [label={_dot_text(task, nodes)}];"
        yield "  }"
    for first, then in plan.graph.edges():
        yield f"  {_name(first)} -> {_name(then)};"
    yield "}"


def _dot_text(*lines: str) -> str:
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'


def _name(vertex: "Vertex") -> str:
    return f"t{vertex.task}b{vertex.batch}"
