"""Requests that the node makes, by curl(1): urllib's own rules for redirects and passwords, with another transport."""

from __future__ import annotations

import email.parser
import http.client
import io
import ssl
import urllib.request
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.response import addinfourl

from hivectl.helper.sh.remote.files import Copied

if TYPE_CHECKING:
    from email.message import Message

    from hivectl.helper.sh.remote.node import Node

# of curl (libcurl-errors(3)): what they are to Python
# bytes of an answer that comes here in any case
SHORT = 1 << 20
NO_HOST, REFUSED, CUT, SLOW = 6, 7, 18, 28


class Response(addinfourl):
    """An answer whose body is a file of the node."""

    def __init__(self, node: Node, path: str, size: int, headers: Message, url: str, code: int) -> None:
        super().__init__(io.BytesIO(), headers, url, code)
        self._node, self._path, self._left = node, path, size
        self._packed = (headers.get("Content-Encoding") or "").lower() == "gzip"
        self._cut = False
        self.msg = self.reason = http.client.responses.get(code, "")

    def cut(self) -> Self:
        """Remember that the other side ended too early."""
        self._cut = True
        return self

    def read(self, size: int = -1) -> bytes:
        """Return what stands for the whole body, once; its bytes where they must be unpacked here."""
        del size
        if not self._left:
            if self._cut and self.headers.get("Content-Length") is None:
                raise http.client.IncompleteRead(b"")
            return b""
        size, self._left = self._left, 0
        # what is short may be a list that is looked into
        small = size <= SHORT
        return self._node.read(self._path) if self._packed or small else Copied.of(self._path, size)


class Transport(urllib.request.BaseHandler):
    """Opens URLs there."""

    def __init__(self, node: Node, secured: Security, *, proxied: bool) -> None:
        self._node = node
        self._secured = secured
        self._proxied = proxied
        self._asking = urllib.request.AbstractHTTPHandler()

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Add the headers that every request has."""
        self._asking.parent = self.parent
        done: urllib.request.Request = self._asking.do_request_(request)
        return done

    https_request = http_request

    def file_open(self, request: urllib.request.Request) -> Response:
        """Return a file of the node; raises URLError."""
        path = unquote(urlsplit(request.full_url).path)
        try:
            size = self._node.looks.status(path).st_size
            self._node.read(path, 1)
        except OSError as error:
            raise URLError(error) from error
        headers = email.parser.Parser().parsestr(f"Content-Length: {size}\n\n")
        return Response(self._node, path, size, headers, request.full_url, 200)

    def _open(self, request: urllib.request.Request) -> Response:
        timeout = float(request.timeout or 10)
        said = self._node.ask("r_curl", data="\n".join(self._lines(request, timeout)).encode())
        if "why" in said.fields:
            raise URLError(said.fields["why"])
        rc, path, size = (said.fields[name] for name in ("rc", "body", "size"))
        headers, code = _headers(said.data.decode("latin-1"))
        if int(rc) == SLOW:
            raise TimeoutError("timed out")
        if int(rc) not in {0, CUT} or not code:
            words = {NO_HOST: "Name or service not known", REFUSED: "Connection refused"}
            raise URLError(words.get(int(rc)) or said.fields.get("words") or f"curl ended with {rc}")
        found = Response(self._node, path, int(size), headers, request.full_url, code)
        return found.cut() if int(rc) == CUT else found

    http_open = https_open = ftp_open = _open

    def _lines(self, request: urllib.request.Request, timeout: float) -> list[str]:
        """Return a file of options: arguments could be read by everybody on the node."""
        seconds = max(1, round(timeout))
        options = {
            "url": request.full_url,
            "connect-timeout": f"{timeout:g}",
            "speed-limit": "1",
            "speed-time": str(seconds),
        }
        lines = [f"{name} = {_quoted(value)}" for name, value in options.items() if value]
        lines += ["head" if request.get_method() == "HEAD" else f"request = {_quoted(request.get_method())}"]
        headers = {**request.headers, **request.unredirected_hdrs}
        for name, value in headers.items():
            if name.lower() not in {"host", "connection"}:
                lines.append(f"header = {_quoted(f'{name.title()}: {value}')}")
        if not any(name.lower() == "accept" for name in headers):
            lines.append('header = "Accept:"')
        if not self._proxied:
            lines.append('noproxy = "*"')
        return [*lines, *self._secured.lines()]


class Security:
    """In place of an SSL context: what it is told becomes options."""

    def __init__(self) -> None:
        self.check_hostname = True
        self.verify_mode: Any = ssl.CERT_REQUIRED
        self._lines: list[str] = []

    def set_ciphers(self, ciphers: str) -> None:
        """Name the ciphers that may be used."""
        self._lines.append(f"ciphers = {_quoted(ciphers)}")

    def load_cert_chain(self, certificate: str, key: str | None = None) -> None:
        """Name who we are."""
        self._lines.append(f"cert = {_quoted(certificate)}")
        if key:
            self._lines.append(f"key = {_quoted(key)}")

    def lines(self) -> list[str]:
        """Return the options."""
        return [*self._lines, *(["insecure"] if self.verify_mode == ssl.CERT_NONE else [])]


class Secured(urllib.request.BaseHandler):
    """In place of HTTPSHandler: only carries what is to be heeded."""

    def __init__(self, context: Security) -> None:
        self.context = context


def _quoted(value: str) -> str:
    """Return a value as a file of options takes it (curl(1), --config)."""
    if "\n" in value or "\r" in value or "\0" in value:
        raise URLError("a line break in a header or an address")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _headers(text: str) -> tuple[Message, int]:
    """Return the last headers that came, and their status; 0 without any."""
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block.startswith("HTTP/")]
    if not blocks:
        return email.parser.Parser().parsestr(""), 200 if text.strip() else 0
    first, _, rest = blocks[-1].partition("\n")
    words = first.split()
    code = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return email.parser.Parser().parsestr(rest), code


def modules_for(node: Node) -> dict[str, Any]:
    """Return what stands in place of urllib.request and ssl."""

    def build_opener(*handlers: Any) -> urllib.request.OpenerDirector:
        director = urllib.request.OpenerDirector()
        director.addheaders = []
        context = next(one.context for one in handlers if isinstance(one, Secured))
        proxied = not any(isinstance(one, urllib.request.ProxyHandler) for one in handlers)
        given = [one for one in handlers if not isinstance(one, Secured | urllib.request.ProxyHandler)]
        standard = (
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
        )
        for one in (Transport(node, context, proxied=proxied), *standard, *given):
            director.add_handler(one)
        return director

    asking = SimpleNamespace(
        **{
            name: getattr(urllib.request, name)
            for name in (
                *("Request", "HTTPRedirectHandler", "HTTPBasicAuthHandler", "HTTPDigestAuthHandler"),
                *("HTTPPasswordMgrWithDefaultRealm", "ProxyHandler"),
            )
        },
        HTTPSHandler=Secured,
        build_opener=build_opener,
    )
    return {
        "urllib.request": asking,
        "ssl": SimpleNamespace(CERT_NONE=ssl.CERT_NONE, create_default_context=Security),
        "netrc": SimpleNamespace(NetrcParseError=ValueError, netrc=lambda path: Netrc(node, path)),
    }


class Netrc:
    """The login's own passwords, as netrc(5) has them."""

    def __init__(self, node: Node, path: str) -> None:
        import shlex

        node.looks.status(path)
        self._known: dict[str, list[str | None]] = {}
        entry: list[str | None] = []
        words = iter(shlex.split(node.read(path).decode(errors="replace"), comments=True))
        for word in words:
            if word in {"machine", "default"}:
                entry = [None, None, None]
                self._known[next(words, "") if word == "machine" else ""] = entry
            elif word in {"login", "account", "password"} and entry:
                entry[("login", "account", "password").index(word)] = next(words, "")

    def authenticators(self, host: str) -> list[str | None] | None:
        """Return login, account and password of a host."""
        return self._known.get(host) or self._known.get("")
