"""What is wrong with a lab's devices is known before any of them is started or asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hivectl.engine.lab import open_lab
from hivectl.model.errors import Complaints

if TYPE_CHECKING:
    from pathlib import Path

UNFIT = {
    "{driver: ssh, virtual: pico-w}": ("not reached by the driver ssh", "`driver: webrepl or serial`"),
    "{driver: webrepl, virtual: pico}": ("not reached by the driver webrepl", "`driver: serial`"),
    "{driver: serial, virtual: linux}": ("not reached by the driver serial", "`driver: ssh`"),
    "{driver: ssh, virtual: pico2-ice-native}": ("not reached by the driver ssh", "`driver: serial`"),
    "{driver: serial, virtual: '{{ \"pico-q\" }}'}": ("no virtual device `pico-q`", "did you mean `pico-w`?"),
    "{driver: serial, virtual: pico-w, on: bench1}": ('"on" has no meaning at a', "leave `on` out"),
    "{connections: {usb: {driver: serial, virtual: pico-w}, wifi: {driver: webrepl, virtual: pico2-w}}}": (
        '"a" is one device: it cannot be a virtual `pico-w`, and a `pico2-w`',
    ),
    "{driver: serial}": ('needs one of "serial_number", "hub_port" and "port"',),
    "{driver: serial, serial_number: ''}": ('needs one of "serial_number", "hub_port" and "port"',),
    "{connections: {usb: {driver: serial, on: b}}}": (
        "nodes.a.connections.usb: the driver serial needs one of",
    ),
}


@pytest.mark.parametrize("node", UNFIT)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, node: str) -> None:
    (tmp_path / "lab.yml").write_text(f"version: 1\nnodes:\n  b: {{driver: ssh}}\n  a: {node}\n")
    with pytest.raises(Complaints) as complaints:
        open_lab([tmp_path / "lab.yml"])
    [error] = complaints.value.errors
    assert error.origin is not None
    assert error.origin.line == 4
    for words in UNFIT[node]:
        assert words in str(error)


def test_what_fits(tmp_path: Path) -> None:
    (tmp_path / "lab.yml").write_text("""\
version: 1
defaults: {serial: {baud: 9600}}
nodes:
  a: {connections: {usb: {driver: serial, virtual: pico-w}, wifi: {driver: webrepl, virtual: pico-w}}}
  b: {driver: serial, hub_port: 1-1}
  c: {driver: serial, serial_number: "{{ name }}", on: d}
  d: {driver: ssh, virtual: linux}
  e: {driver: serial, virtual: pico2-ice-icefarm}
""")
    assert set(open_lab([tmp_path / "lab.yml"]).inventory.nodes) == set("abcde")
