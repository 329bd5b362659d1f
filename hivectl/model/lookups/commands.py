"""Lookups that start programs on the controller."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

from hivectl.model.lookups.base import Lookup, Request
from hivectl.model.permissions import Permission
from hivectl.model.templating.errors import TemplateValueError
from hivectl.model.templating.limits import check_text, current

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# seconds for all commands of one lookup: meanwhile nothing else is done, not even reservations are prolonged
DEADLINE = 30.0


def _pipe(request: Request) -> list[Any]:
    return [text.rstrip() for text in _outputs(request)]


def _lines(request: Request) -> list[Any]:
    return [line for text in _outputs(request) for line in text.splitlines()]


def _outputs(request: Request) -> Iterator[str]:
    began = time.monotonic()
    try:
        for term in request.terms:
            yield _output(request.host.folder, str(term), began + DEADLINE - time.monotonic())
    finally:
        if (rendering := current.get()) is not None:
            rendering.wait(time.monotonic() - began)


def _output(folder: Path, command: str, deadline: float) -> str:
    """Run a command in the playbook's folder; what it starts ends with it.

    Args:
        folder: of the playbook.
        command: for the shell.
        deadline: seconds until it is given up.

    Raises:
        TemplateValueError: it failed, or took longer.
    """
    process = subprocess.Popen(  # noqa: S602  # the playbook's author asks for a shell, as Ansible's users expect
        command,
        shell=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    with process:
        try:
            output, complaint = process.communicate(timeout=max(deadline, 0.0))
        except subprocess.TimeoutExpired:
            raise TemplateValueError(f"the command runs longer than {DEADLINE:g} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        said = complaint.decode("utf-8", "replace").strip().splitlines()
        why = f": {said[-1][:200]}" if said else ""
        raise TemplateValueError(f"the command ended with {process.returncode}{why}")
    check_text(len(output))
    return output.decode("utf-8", "surrogateescape")


LOOKUPS = (
    Lookup(name="pipe", summary="what commands print", find=_pipe, needs=Permission.RUN),
    Lookup(name="lines", summary="what commands print, line by line", find=_lines, needs=Permission.RUN),
)
