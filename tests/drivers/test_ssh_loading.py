"""asyncssh is imported without the compilers that its own import starts, and can do what it could."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
started = []
sys.addaudithook(lambda event, what: started.append(what[0]) if event in ("subprocess.Popen", "os.system") else None)
if sys.argv[1] == "quick":
    from hivectl.drivers.ssh.loading import load_asyncssh
    load_asyncssh()
    # of a library that is there it asks for the name
    assert set(started) <= {"/sbin/ldconfig"}, started
import ctypes.util, asyncssh
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs
from asyncssh.public_key import get_public_key_algs
from asyncssh.crypto import pq
print(ctypes.util.find_library.__module__, pq.sntrup_available, "asyncssh.crypto.x509" in sys.modules)
print(get_encryption_algs(), get_kex_algs(), get_mac_algs(), get_public_key_algs())
"""


def imported(way: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, way], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_quick_import_starts_no_compiler_and_offers_the_same() -> None:
    assert imported("quick") == imported("plain")
