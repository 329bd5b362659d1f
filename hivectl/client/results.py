"""What many nodes answered: the outputs of those that did, the errors of those that did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hivectl.client.output import Output
from hivectl.client.tables import Table
from hivectl.model.errors import HivectlError

if TYPE_CHECKING:
    from collections.abc import Mapping


class RunAllError(HivectlError):
    """Some nodes did not do what all were asked to.

    Attributes:
        results: what became of each.
    """

    def __init__(self, results: Results) -> None:
        failed = {name: str(error) for name, error in results.errors.items()}
        failed |= {name: output.ending for name, output in results.items() if output.failed}
        super().__init__("; ".join(f"{name}: {why}" for name, why in failed.items()))
        self.results = results


class Results(dict[str, Output]):
    """Node -> what it printed; a node that could not be asked is in `errors`, and its look-up raises its error.

    Attributes:
        errors: node -> why it printed nothing.
    """

    def __init__(self, outputs: Mapping[str, Output], errors: Mapping[str, HivectlError]) -> None:
        super().__init__(outputs)
        self.errors = dict(errors)

    def __missing__(self, name: str) -> Output:
        """Raise why there is nothing of this node."""
        if name in self.errors:
            raise self.errors[name]
        raise KeyError(name)

    @property
    def ok(self) -> bool:
        """Whether every node did it, and none failed."""
        return not self.errors and all(output.ok for output in self.values())

    def check(self) -> Results:
        """Return itself; raises RunAllError unless it is ok."""
        if not self.ok:
            raise RunAllError(self)
        return self

    def table(self) -> Table:
        """Return it as a table."""
        rows = [
            {"node": name, "status": _status(output), "output": output.rstrip()}
            for name, output in self.items()
        ]
        rows += [
            {"node": name, "status": "error", "output": str(error)} for name, error in self.errors.items()
        ]
        return Table(("node", "status", "output"), rows)

    def __repr__(self) -> str:
        """Return it as a table of text."""
        return repr(self.table())

    def _repr_html_(self) -> str:
        """Return it as a table for notebooks."""
        return self.table()._repr_html_()


def _status(output: Output) -> int | str:
    """Return how it ended: its exit status; at a prompt that has none, in a word."""
    return output.status if output.status is not None else "failed" if output.failed else "ok"
