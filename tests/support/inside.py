"""The command line within the test's own process: what it prints and the code that it ends with, without a start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.support.command import Lab


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def told(self) -> str:
        """All that a user sees."""
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Inside:
    """Calls commands in a lab's folder, with its environment."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, lab: Lab, *arguments: str, **more: str) -> Said:
        from hivectl.cli.main import _run

        with self.monkeypatch.context() as patch:
            patch.chdir(lab.folder)
            for name, value in lab.environment(**more).items():
                patch.setenv(name, value)
            code = _run(list(arguments))
        said = self.capsys.readouterr()
        return Said(code, said.out, said.err)
