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
    from pathlib import Path

DEADLINE = 60.0  # seconds


def _pipe(request: Request) -> list[Any]:
    return [_output(request.host.folder, str(term)).rstrip() for term in request.terms]


def _lines(request: Request) -> list[Any]:
    return [line for term in request.terms for line in _output(request.host.folder, str(term)).splitlines()]


def _output(folder: Path, command: str) -> str:
    """Run a command in the playbook's folder; what it starts ends with it.

    Raises:
        TemplateValueError: it failed, or took longer than DEADLINE.
    """
    began = time.monotonic()
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
            output, complaint = process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            raise TemplateValueError(f"the command runs longer than {DEADLINE:g} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if (rendering := current.get()) is not None:
        rendering.wait(time.monotonic() - began)
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
