"""`systemd`: the short name of `systemd_service`."""

from dataclasses import replace

from hivectl.modules.systemd_service import MODULE as UNIT

MODULE = replace(
    UNIT,
    name="systemd",
    summary="A unit of systemd; the short name of systemd_service",
    example=UNIT.example.replace("systemd_service:", "systemd:"),
)
