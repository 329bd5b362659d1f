"""Going on with a run that failed: what was done is not done again, and what it gave is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from hivectl.engine import fitting, validation
from hivectl.engine import run as engine_run
from hivectl.model.errors import InputError
from hivectl.model.secret import Secret
from hivectl.modules.base import Module
from hivectl.modules.registry import find_module, known_module
from tests.support.tasks_that_log import block, fail, log, logged, on, play, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hivectl.modules.base import NodeContext, Result
    from tests.support.runs import Bench, Outcome

# fails until the file is there
GATE = {"name": "gate", "shell": "test -e {{ log }}.ok"}

R, RH = "roles/r/tasks/main.yml", "roles/r/handlers/main.yml"


def again(bench: Bench, first: Outcome, *plays: dict[str, Any], **options: Any) -> Outcome:
    (bench.folder / "log.ok").touch()
    return run(bench, *plays, resume=first.ended.run, **options)


def test_done_steps_are_not_done_again(bench: Bench) -> None:
    plays = play(
        log("a", register="r"), {"set_fact": {"x": "{{ r.rc }}!"}}, GATE, log("b-{{ r.rc }}-{{ x }}")
    )
    first = run(bench, plays)
    assert (first.ended.exit_code, first.ended.resume) == (1, True)
    assert logged(bench) == {"n1": "a"}
    out = again(bench, first, plays)
    assert logged(bench) == {"n1": "b-0-0!"}
    assert out.ended.run == first.ended.run
    assert (out.ended.exit_code, out.ended.resume) == (0, False)
    reasons = {step.task.name: step.reason for step in out.steps()}
    assert reasons["a"] == "done before the run was cut off"
    with pytest.raises(InputError, match="nothing to resume"):
        run(bench, plays, resume=first.ended.run)


def test_nodes_that_were_done_stay_done(bench: Bench) -> None:
    bench.nodes(2)
    gate = {**GATE, "shell": GATE["shell"] + " || test {{ inventory_hostname }} = n2"}
    plays = play(log("a"), gate, log("b")), play(log("c"))
    first = run(bench, *plays)
    assert logged(bench) == {"n1": "a", "n2": "a b c"}
    out = again(bench, first, *plays)
    assert logged(bench) == {"n1": "b c"}
    assert out.ended.exit_code == 0


def test_what_one_did_for_all_is_everybodys_again(bench: Bench) -> None:
    bench.nodes(3)
    plays = play(
        {"name": "F", "shell": "test {{ inventory_hostname }} != n1 || test -e {{ log }}.ok"},
        log("o", run_once=True, register="r"),
        {"set_fact": {"x": "{{ inventory_hostname }}"}, "run_once": True},
        GATE,
        log("b-{{ r.rc }}-{{ x }}"),
    )
    first = run(bench, plays)
    assert logged(bench) == {"n2": "o"}
    # n1 leads now, and takes what n2 has done
    out = again(bench, first, plays)
    assert logged(bench) == dict.fromkeys(("n1", "n2", "n3"), "b-0-n2")
    assert out.ended.exit_code == 0


def test_values_that_the_journal_does_not_keep_are_made_again(bench: Bench) -> None:
    tasks = [
        {"set_fact": {"x": "{{ word }}"}},
        {"set_fact": {"y": "quiet"}, "no_log": True},
        {"stat": {"path": "/"}, "register": "s", "no_log": True},
        GATE,
        log("{{ x | length }}-{{ y }}-{{ s.stat.isdir }}"),
    ]
    extra = {"log": str(bench.log), "word": Secret("hush hush")}
    first = run(bench, play(*tasks), extra_variables=extra)
    again(bench, first, play(*tasks), extra_variables=extra)
    assert logged(bench) == {"n1": "9-quiet-True"}


def test_words_to_the_engine_are_said_again(bench: Bench) -> None:
    bench.nodes(2)
    plays = play(log("a"), {"meta": "end_host", **on("n2")}, GATE, log("b")), play(log("c"))
    first = run(bench, *plays)
    assert logged(bench) == {"n1": "a", "n2": "a c"}
    again(bench, first, *plays)
    assert logged(bench) == {"n1": "b c"}


def test_rescues_and_loops_are_taken_up(bench: Bench) -> None:
    plays = play(
        block(
            fail("F"),
            rescue=[log("r-{{ ansible_failed_task.name }}"), GATE, log("s")],
            always=[log("w{{ item }}", loop=[1, 2])],
        ),
        log("z"),
    )
    first = run(bench, plays)
    assert logged(bench) == {"n1": "r-F w1 w2"}
    again(bench, first, plays)
    assert logged(bench) == {"n1": "s z"}


def test_handlers_are_owed_to_the_resumed_run(bench: Bench) -> None:
    plays = play(
        log("a", notify="{{ 'A' }}"),
        log("b", notify="B"),
        {"meta": "flush_handlers"},
        log("c", notify="B"),
        GATE,
        handlers=[log("A"), log("B")],
    )
    first = run(bench, plays)
    assert logged(bench) == {"n1": "a b A B c"}
    assert first.ended.pending_handlers == ("n1: B",)
    out = again(bench, first, plays)
    assert logged(bench) == {"n1": "B"}
    assert out.ended.pending_handlers == ()


def test_handlers_of_included_roles_are_owed_too(bench: Bench) -> None:
    bench.write(
        "[{name: R, shell: 'echo {{ inventory_hostname }} r{{ v }} >> {{ log }}', notify: 'H {{ v }}'}]", R
    )
    bench.write("[{name: 'H {{ v }}', shell: 'echo {{ inventory_hostname }} h{{ v }} >> {{ log }}'}]", RH)
    use = {"include_role": {"name": "r"}, "vars": {"v": "{{ item }}"}, "loop": [1, 2]}
    plays = play(use, GATE, log("z"))
    first = run(bench, plays)
    assert logged(bench) == {"n1": "r1 r2"}
    assert first.ended.pending_handlers == ("n1: r : H 1", "n1: r : H 2")
    out = again(bench, first, plays)
    assert logged(bench) == {"n1": "z h1 h2"}
    assert out.ended.pending_handlers == ()


def test_a_later_run_pays_what_is_owed_once_the_role_is_included(bench: Bench) -> None:
    bench.write(
        "[{name: R, shell: 'echo {{ inventory_hostname }} r{{ v }} >> {{ log }}', notify: H, when: not again}]",
        R,
    )
    bench.write("[{name: H, shell: 'echo {{ inventory_hostname }} h{{ v }} >> {{ log }}'}]", RH)
    uses = [{"include_role": {"name": "r"}, "vars": {"v": v}} for v in (1, 2)]
    plays = play(*uses, fail(when="not again"), log("z"), vars={"again": False})
    first = run(bench, plays)
    assert logged(bench) == {"n1": "r1 r2"}
    assert first.ended.pending_handlers == ("n1: r : H",)
    out = run(bench, plays, extra_variables={"log": str(bench.log), "again": True})
    assert logged(bench) == {"n1": "z h2"}
    assert out.ended.pending_handlers == ()
    assert len([text for text in out.said() if "still owed" in text]) == 1


def test_a_run_whose_files_have_changed_does_not_go_on(bench: Bench) -> None:
    first = run(bench, play(GATE))
    with pytest.raises(InputError, match="has changed since"):
        run(bench, play(GATE, log("new")), resume=first.ended.run)
    with pytest.raises(InputError, match="other options"):
        run(bench, play(GATE), resume=first.ended.run, limit="n1")
    with pytest.raises(InputError, match="there is no run"):
        run(bench, play(GATE), resume="20200101-000000-abcd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What the module takes: nothing."""


async def all_at_once(_parameters: Parameters, contexts: Mapping[str, NodeContext]) -> Mapping[str, Result]:
    """Fail where the file is missing."""
    from pathlib import Path

    ok = Path(str(next(iter(contexts.values())).variables["log"]) + ".ok").exists()  # noqa: ASYNC240  # one look
    return {
        node: {"changed": True, "failed": node == "n2" and not ok, "who": "+".join(contexts)}
        for node in contexts
    }


def test_a_group_goes_on_with_those_that_are_not_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.nodes(3)
    module = Module(name="together", summary="x", parameters=Parameters, group=all_at_once)
    monkeypatch.setattr(
        engine_run, "known_module", lambda name: module if name == "together" else known_module(name)
    )
    for place in (engine_run, validation, fitting):
        monkeypatch.setattr(
            place, "find_module", lambda name: module if name == "together" else find_module(name)
        )
    plays = play({"together": None, "name": "t", "register": "r"}, log("{{ r.who }}"))
    first = run(bench, plays)
    assert logged(bench) == {"n1": "n1+n2+n3", "n3": "n1+n2+n3"}
    again(bench, first, plays)
    assert logged(bench) == {"n2": "n2"}
