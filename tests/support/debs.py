"""A repository of tiny Debian packages, built by dpkg-deb, for worlds with a dpkg database of their own."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# the tools' own state, empty; nothing of the machine's is changed, and packages put their files below /mnt
PREPARE = """
mkdir -p /mnt/dpkg/info /mnt/dpkg/updates /mnt/dpkg/triggers /mnt/apt/lists/partial /mnt/cache/archives/partial \\
  /mnt/log/apt /mnt/etc-apt/apt.conf.d /mnt/etc-apt/preferences.d /mnt/pkg /mnt/tmp
: > /mnt/dpkg/status
: > /mnt/dpkg/available
cp -a "$DEBS" /mnt/repository
echo 'deb [trusted=yes] file:/mnt/repository ./' > /mnt/etc-apt/sources.list
echo 'APT::Sandbox::User "root"; Acquire::Languages "none";' > /mnt/etc-apt/apt.conf
touch -d "1 hour ago" /mnt/apt/lists
mount --bind /mnt/dpkg /var/lib/dpkg
mount --bind /mnt/apt /var/lib/apt
mount --bind /mnt/cache /var/cache/apt
mount --bind /mnt/log /var/log
mount --bind /mnt/etc-apt /etc/apt
"""
STATE = """
dpkg-query -W -f '${Status} ${Package} ${Version}\\n' | grep -v '^unknown'
echo == by hand; apt-mark showmanual | sort
cd /mnt/pkg && find . -type f | sort
ls /mnt/cache/archives | grep deb$
true
"""


@dataclass(frozen=True)
class Deb:
    """One package; `fields` are lines of its control file."""

    name: str
    version: str
    fields: str = ""
    conffile: bool = False
    postinst: str = ""


DEBS = (
    Deb("lamp", "1.0"),
    Deb("lamp", "1.1"),
    Deb("lamp", "2.0"),
    Deb("shade", "1.0", "Depends: lamp\n"),
    Deb("light", "1.0", "Depends: shade\nRecommends: candle\n"),
    Deb("candle", "1.0"),
    Deb("bulb-a", "1.0", "Provides: bulb\n"),
    Deb("plug", "1.0", "Provides: socket\n"),
    Deb("plug-two", "1.0", "Provides: socket\n"),
    Deb("wired", "1.0", conffile=True),
    Deb("broken", "1.0", postinst="#!/bin/sh\necho the bulb burst >&2\nexit 3\n"),
    Deb("needs-none", "1.0", "Depends: not-to-be-had\n"),
)
# not in the repository
FILES = (Deb("extra", "1.0"), Deb("extra", "2.0"), Deb("lone", "1.0", "Depends: shade\n"))


def build(folder: Path) -> Path:
    """Build everything; return the repository's folder, with single packages in `files` inside of it."""
    repository = folder / "debs"
    (repository / "files").mkdir(parents=True)
    index = [_build(one, repository, folder / "build") for one in DEBS]
    for one in FILES:
        _build(one, repository / "files", folder / "build")
    packages = "\n".join(index)
    (repository / "Packages").write_text(packages)
    digest = hashlib.sha256(packages.encode()).hexdigest()
    (repository / "Release").write_text(
        f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {digest} {len(packages)} Packages\n"
    )
    return repository


def _build(one: Deb, target: Path, work: Path) -> str:
    tree = work / f"{one.name}-{one.version}"
    place = tree / "mnt/pkg"
    place.mkdir(parents=True)
    (place / one.name).write_text(f"{one.name} {one.version}\n")
    control = tree / "DEBIAN"
    control.mkdir()
    text = (
        f"Package: {one.name}\nVersion: {one.version}\nArchitecture: all\nMaintainer: Lab <lab@example.org>\n"
        f"{one.fields}Description: a part\n"
    )
    (control / "control").write_text(text)
    if one.conffile:
        (place / f"{one.name}.conf").write_text("bright = 1\n")
        (control / "conffiles").write_text(f"/mnt/pkg/{one.name}.conf\n")
    if one.postinst:
        (control / "postinst").write_text(one.postinst)
        (control / "postinst").chmod(0o755)
    path = target / f"{one.name}_{one.version}_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, path], check=True, capture_output=True
    )
    data = path.read_bytes()
    return f"{text}Filename: ./{path.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
