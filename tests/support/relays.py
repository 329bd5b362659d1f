"""Relays that speak HTTP as the real ones do: Shelly of both kinds, Tasmota; their state is seen and set by the test."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from base64 import b64decode
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

REALM = "shellyplus1-a8032ab12345"
NONCE = "60dc2c49"


@dataclass
class Relay:
    """One device.

    Attributes:
        kind: gen1, gen2 or tasmota.
        on: the state of each outlet.
        stuck: it takes orders and does not follow them.
        asked: every address that was asked.
        switched: every order that was followed, in order.
    """

    kind: str
    password: str | None = None
    on: dict[int, bool] = field(default_factory=lambda: {0: False, 1: False, 2: False})
    stuck: bool = False
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    switched: list[bool] = field(default_factory=list)
    host: str = ""

    def order(self, outlet: int, *, on: bool) -> None:
        if not self.stuck:
            self.on[outlet] = on
            self.switched.append(on)


class Device(BaseHTTPRequestHandler):
    relay: ClassVar[Relay]

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.relay.asked.append(self.path)
        if self.relay.silent:
            self.close_connection = True
            return
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        answer = getattr(self, f"_{self.relay.kind}")(address.path, query)
        if answer is not None:
            self._send(200, answer)

    def _send(self, status: int, answer: Any, **headers: str) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _gen1(self, path: str, query: dict[str, str]) -> Any:
        if path == "/shelly":
            return {"type": "SHPLG-S", "auth": self.relay.password is not None}
        if self.relay.password is not None:
            given = self.headers.get("Authorization", "").removeprefix("Basic ")
            if b64decode(given).decode() != f"admin:{self.relay.password}":
                self._send(401, "401 Unauthorized", WWW_Authenticate='Basic realm="plug"')
                return None
        outlet = int(path.removeprefix("/relay/"))
        if "turn" in query:
            self.relay.order(outlet, on=query["turn"] == "on")
        return {"ison": self.relay.on[outlet], "has_timer": False}

    def _gen2(self, path: str, query: dict[str, str]) -> Any:
        if path == "/shelly":
            return {"gen": 2, "app": "Plus1", "auth_en": self.relay.password is not None}
        if self.relay.password is not None and not self._digest():
            challenge = f'Digest qop="auth", realm="{REALM}", nonce="{NONCE}", algorithm=SHA-256'
            self._send(401, None, WWW_Authenticate=challenge)
            return None
        outlet = int(query["id"])
        if path == "/rpc/Switch.Set":
            before = self.relay.on[outlet]
            self.relay.order(outlet, on=query["on"] == "true")
            return {"was_on": before}
        return {"id": outlet, "output": self.relay.on[outlet], "apower": 8.9}

    def _digest(self) -> bool:
        """RFC 7616, 3.4: algorithm SHA-256, qop auth."""
        header = self.headers.get("Authorization", "")
        given = {
            name: quoted or plain
            for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header)
        }
        if not header.startswith("Digest ") or given.get("nonce") != NONCE:
            return False

        def sha256(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        first = sha256(f"admin:{REALM}:{self.relay.password}")
        second = sha256(f"GET:{given['uri']}")
        wanted = sha256(f"{first}:{NONCE}:{given['nc']}:{given['cnonce']}:{given['qop']}:{second}")
        return bool(given["uri"] == self.path and given["response"] == wanted)

    def _tasmota(self, _path: str, query: dict[str, str]) -> Any:
        if self.relay.password is not None and query.get("password") != self.relay.password:
            return {"WARNING": "Need user=<username>&password=<password>"}
        name, _, word = query["cmnd"].partition(" ")
        outlet = int(name.removeprefix("Power") or 1)
        if outlet not in self.relay.on:
            return {"Command": "Error"}
        if word:
            self.relay.order(outlet, on=word == "ON")
        return {f"POWER{outlet}": "ON" if self.relay.on[outlet] else "OFF"}


@contextmanager
def device(kind: str, password: str | None = None) -> Iterator[Relay]:
    """Run one device on a free loopback port."""
    relay = Relay(kind, password)
    handler = type("Handler", (Device,), {"relay": relay})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        relay.host = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()
