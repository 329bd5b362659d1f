"""What the command line chose for a run."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from hivectl.model.records import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hivectl.engine.saved_plan import SavedPlan
    from hivectl.model.prompts import Prompt
    from hivectl.model.secret import Secret

FORKS = 100


@record(kw_only=True)
class RunOptions:
    """One run's choices.

    Attributes:
        playbook: None only with `resume`.
        mode: "apply" changes; "check" and "plan" only say what would change, "refresh" what has drifted.
        start_at: the task to begin with, by its name or a glob; what is before it is left out.
        forks: how many nodes work at the same time.
        resume: the run to go on with.
        out: the file that a plan is saved in.
        plan: the saved plan that an apply holds to.
        extra_words: `-e` as it was written, for a plan that is saved.
        wait: seconds to wait for nodes that others hold; None: do not wait.
        reservation: (id, token) of the reservation to work under; None: one for the length of the run.
        become: every task by another user's rights, unless it says otherwise.
        word_after: seconds of silence until a word on what is waited for.
        ask: asks a person one question of `vars_prompt`; None: there is nobody.
        answers: number of the play -> what was answered.
        stop_after: seconds that `always` sections have after an interruption.
    """

    playbook: Path | None = None
    mode: Literal["apply", "check", "plan", "refresh"] = "apply"
    diff: bool = False
    limit: str | None = None
    tags: frozenset[str] = frozenset()
    skip_tags: frozenset[str] = frozenset()
    start_at: str | None = None
    extra_variables: Mapping[str, Any] = field(default_factory=dict)
    forks: int = FORKS
    resume: str | None = None
    out: Path | None = None
    plan: SavedPlan | None = None
    extra_words: tuple[str, ...] = ()
    wait: float | None = None
    reservation: tuple[str, str] | None = None
    become: bool = False
    become_user: str | None = None
    become_password: Secret | None = None
    reason: str | None = None
    ask: Callable[[Prompt], str] | None = None
    answers: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    word_after: float = 5.0
    stop_after: float = 60.0

    @property
    def check(self) -> bool:
        """Whether nothing is changed."""
        return self.mode != "apply"
