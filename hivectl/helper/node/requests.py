"""Requests by urllib: with passwords that stay where they belong, and errors without them."""

import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from http.client import HTTPException

from hivectl.helper.node.paths import Failure, expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SCHEMES = frozenset({"file", "ftp", "http", "https"})
PIECE = 1 << 16
# headers that tell who we are
PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization"})


class Unchanged(Exception):  # noqa: N818 - an answer, not a fault
    """The server has nothing newer."""


def masked(url: str) -> str:
    """Return a URL without user and password."""
    parts = urllib.parse.urlsplit(url)
    if "@" not in parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=("****:****@" if ":" in user else "****@") + host).geturl()


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows the server elsewhere, without what is meant for it alone."""

    def __init__(self, kept: "set[str]") -> None:
        self.kept = kept

    def redirect_request(
        self, req: "Any", fp: "Any", code: int, msg: str, headers: "Any", newurl: str
    ) -> "urllib.request.Request | None":
        """Return the next request."""
        after = super().redirect_request(req, fp, code, msg, headers, newurl)
        if after is None:
            return None
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        same = old.hostname == new.hostname and not (old.scheme == "https" and new.scheme != "https")
        for name, value in req.unredirected_hdrs.items():
            if same and name.lower() in PRIVATE:
                after.add_unredirected_header(name, value)
        for name in list(after.headers):
            if name.lower() in self.kept or (not same and name.lower() in PRIVATE):
                del after.headers[name]
        return after


class Asker:
    """Asks for URLs as an operation `download` says."""

    def __init__(self, operation: "dict[str, Any]", wire: "Any") -> None:
        self.operation = operation
        self.wire = wire
        self.timeout = operation.get("timeout", 10.0)

    def ask(self, url: str, method: str = "GET", newer_than: "float | None" = None, **more: "Any") -> "Any":
        """Return the response; raises Unchanged, and Failure with `more` in its result."""
        told = dict(more, url=masked(url))
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in SCHEMES:
            raise Failure(f"a URL of the scheme {parts.scheme!r} cannot be downloaded", **told)
        try:
            request, opener = self._prepare(parts, method, newer_than)
            response = opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 304:
                raise Unchanged("HTTP Error 304: Not Modified") from None
            words = f"HTTP Error {error.code}: {error.reason}"
            raise Failure("Request failed", status_code=error.code, response=words, **told) from None
        except (OSError, HTTPException, ValueError) as error:
            raise _failure(error, url, self.timeout, told) from None  # causes may hold the URL
        code = getattr(response, "status", None)
        if parts.scheme in {"http", "https"} and code != 200:
            response.close()
            raise Failure("Request failed", status_code=code, response=str(response.reason), **told)
        return response

    def pieces(self, response: "Any", url: str, **more: "Any") -> "Iterator[bytes]":
        """Yield what comes; raises Failure when it is cut short."""
        told = dict(more, url=masked(url))
        encoding = response.headers.get("Content-Encoding") or ""
        packed = encoding.lower() == "gzip" and self.operation.get("decompress", True)
        unpacker = zlib.decompressobj(31) if packed else None
        wanted, got = response.headers.get("Content-Length"), 0
        try:
            while True:
                data = response.read(PIECE)
                if not data:
                    break
                got += len(data)
                self.wire.tick()
                yield data if unpacker is None else unpacker.decompress(data)
            if unpacker is not None:
                yield unpacker.flush()
        except (OSError, HTTPException, zlib.error) as error:
            raise _failure(error, url, self.timeout, told) from None
        if wanted is not None and wanted.isdigit() and int(wanted) != got:
            raise Failure("Incomplete read: the server said %s bytes, and %d came" % (wanted, got), **told)
        if unpacker is not None and not unpacker.eof:
            raise Failure("Incomplete read: what the server has packed by gzip has no end", **told)

    def _prepare(self, parts: "Any", method: str, newer_than: "float | None") -> "tuple[Any, Any]":
        operation = self.operation
        user, password = self._identity(parts)
        netloc = parts.netloc.rpartition("@")[2] if parts.scheme != "ftp" else parts.netloc
        plain = parts._replace(netloc=netloc).geturl()
        request = urllib.request.Request(plain, method=method)  # noqa: S310 - SCHEMES holds it
        request.add_header("User-Agent", operation.get("agent", "ansible-httpget"))
        if operation.get("force", False):
            request.add_header("Cache-Control", "no-cache")
        elif newer_than is not None:
            when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(newer_than))
            request.add_header("If-Modified-Since", when)
        for name, value in (operation.get("headers") or {}).items():
            private = name.lower() in PRIVATE
            (request.add_unredirected_header if private else request.add_header)(name, str(value))
        kept = {name.lower() for name in operation.get("unredirected_headers") or []}
        handlers: "list[Any]" = [_Redirects(kept)]
        if not operation.get("use_proxy", True):
            handlers.append(urllib.request.ProxyHandler({}))
        if user is not None and parts.scheme != "ftp":
            if operation.get("basic", False):
                request.add_unredirected_header("Authorization", _basic(user, password or ""))
            else:
                passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
                passwords.add_password(None, netloc, user, password or "")
                handlers.append(urllib.request.HTTPBasicAuthHandler(passwords))
                handlers.append(urllib.request.HTTPDigestAuthHandler(passwords))
        handlers.append(urllib.request.HTTPSHandler(context=self._context()))
        return request, urllib.request.build_opener(*handlers)

    def _identity(self, parts: "Any") -> "tuple[str | None, str | None]":
        operation = self.operation
        if operation.get("user"):
            return operation["user"], operation.get("password")
        if parts.username:
            unquote = urllib.parse.unquote
            return unquote(parts.username), unquote(parts.password or "")
        if operation.get("use_netrc", True) and parts.hostname:
            import netrc

            path = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
            try:
                found = netrc.netrc(path).authenticators(parts.hostname)
            except (OSError, netrc.NetrcParseError):
                found = None
            if found is not None:
                return found[0], found[2]
        return None, None

    def _context(self) -> "Any":
        import ssl

        operation = self.operation
        context = ssl.create_default_context()
        if not operation.get("validate_certs", True):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if operation.get("ciphers"):
            context.set_ciphers(":".join(operation["ciphers"]))
        if operation.get("client_cert"):
            key = operation.get("client_key")
            context.load_cert_chain(expand(operation["client_cert"]), expand(key) if key else None)
        return context


def _basic(user: str, password: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _failure(error: Exception, url: str, timeout: float, told: "dict[str, Any]") -> Failure:
    """Say what went wrong without a password."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, (socket.timeout, TimeoutError)):
        words = f"the server was silent for {timeout:g} s"
    elif isinstance(cause, OSError):
        words = cause.strerror or str(cause)
    else:
        words = str(cause) or type(error).__name__
    secret = urllib.parse.urlsplit(url).netloc.rpartition("@")[0]
    words = words.replace(secret, "****") if secret else words
    return Failure("Request failed: {}: {}".format(told["url"], words), **told)
