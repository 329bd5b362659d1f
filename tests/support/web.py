"""A web server for downloads, on a free port of this machine, that behaves and misbehaves as asked."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import ssl
import subprocess
import threading
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = b"from the server\n" * 100
SHA256 = hashlib.sha256(FILE).hexdigest()
CHANGED = "Tue, 14 Nov 2023 22:13:20 GMT"
USER, PASSWORD = "someone", "open-sesame"
IDENTITY = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Web(ThreadingHTTPServer):
    """The server, what it was asked, and what lets a request that hangs go on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.over = threading.Event()
        self.other = ""

    @property
    def place(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that go away, as they are meant to."""


class Handler(BaseHTTPRequestHandler):
    """Answers by the path."""

    server: Web
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer."""
        path = self.path.partition("?")[0]
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        answer = getattr(self, f"on_{path.strip('/').partition('/')[0].partition('.')[0]}", None)
        if answer is None:
            self.say(404, b"not here\n")
            return
        answer()

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_file(self) -> None:
        since = self.headers.get("If-Modified-Since")
        if since and parsedate_to_datetime(since) >= parsedate_to_datetime(CHANGED):
            self.say(304)
            return
        self.say(200, FILE, Last_Modified=CHANGED)

    def on_echo(self) -> None:
        shown = {name: value for name, value in self.headers.items() if name.startswith(("X-", "User-"))}
        self.say(200, json.dumps(shown, sort_keys=True).encode())

    def on_private(self) -> None:
        if self.headers.get("Authorization") != IDENTITY:
            self.say(401, b"who?", WWW_Authenticate='Basic realm="lab"')
            return
        self.say(200, b"private\n")

    def on_whoami(self) -> None:
        self.say(200, (self.headers.get("Authorization") or "nobody").encode())

    def on_forbidden(self) -> None:
        self.say(403, b"no\n")

    def on_broken(self) -> None:
        self.say(500, b"oops\n")

    def on_nothing(self) -> None:
        self.say(204)

    def on_empty(self) -> None:
        self.say(200)

    def on_moved(self) -> None:
        self.say(302, Location="/file.txt")

    def on_moved_whoami(self) -> None:
        self.say(302, Location="/whoami")

    def on_moved_echo(self) -> None:
        self.say(302, Location="/echo")

    def on_elsewhere(self) -> None:
        self.say(302, Location=f"http://{self.server.other}/whoami")

    def on_local(self) -> None:
        self.say(302, Location="file:///etc/passwd")

    def on_loop(self) -> None:
        self.say(302, Location="/loop")

    def on_named(self) -> None:
        self.say(200, FILE, Content_Disposition='attachment; filename="given.bin"')

    def on_badly_named(self) -> None:
        self.say(200, FILE, Content_Disposition='attachment; filename="../../escape"')

    def on_dots(self) -> None:
        self.say(200, FILE, Content_Disposition='attachment; filename=".."')

    def on_packed(self) -> None:
        self.say(200, gzip.compress(FILE, mtime=0), Content_Encoding="gzip")

    def on_packed_cut(self) -> None:
        self.say(200, gzip.compress(FILE, mtime=0)[:-12], Content_Encoding="gzip")

    def on_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command != "HEAD":
            for start in range(0, len(FILE), 500):
                piece = FILE[start : start + 500]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

    def on_cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE[:300])
        self.close_connection = True

    def on_chunked_cut(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"ff\r\n" + FILE[:100])
        self.close_connection = True

    def on_hangs(self) -> None:
        self.server.over.wait(60)
        self.close_connection = True

    def on_hangs_within(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE[:300])
        self.server.over.wait(60)
        self.close_connection = True

    def on_SUMS(self) -> None:  # noqa: N802 - a file's name
        other = "0" * 64
        self.say(200, f"{other}  other.txt\n{SHA256}  ./file.txt\n{SHA256} *named\n".encode())

    def on_BSD(self) -> None:  # noqa: N802 - a file's name
        self.say(200, f"SHA256 (other.txt) = {'0' * 64}\nSHA256 (file.txt) = {SHA256}\n".encode())

    def on_SUM(self) -> None:  # noqa: N802 - a file's name
        self.say(200, f"{SHA256}\n".encode())


@contextmanager
def web(certificate: Path | None = None) -> Iterator[Web]:
    """Serve until the end; with a PEM file of key and certificate by TLS."""
    with Web() as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.other = f"localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def make_certificate(path: Path) -> Path:
    """Write a key and a certificate for 127.0.0.1 that nobody has reason to trust."""
    names = ["-subj", "/CN=lab", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = subprocess.run(
        ["openssl", "req", "-x509", *key, "-days", "2", *names, "-keyout", "-", "-out", "-"],
        check=True,
        capture_output=True,
    )
    path.write_bytes(made.stdout)
    return path
