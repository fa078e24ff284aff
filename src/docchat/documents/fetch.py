"""Fetches a file from the web, from hosts on a list only; made so that nothing else can be reached through it.

Each address is looked up once, checked, and the connection goes to exactly that address; so does each hop of a
redirect. Private and special addresses are refused even for a listed name, unless the address itself is listed.
"""

import http.client
import io
import ipaddress
import mimetypes
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from ..errors import ConfigError, InvalidInput, Overloaded, TooLarge

SECONDS = 30.0
"""Longest time for one file, all redirects included."""
_SILENCE_SECONDS = 10.0
_MOST_HOPS = 5
_LONGEST_URL = 2000
_AT_ONCE = 4
_PIECE = 1 << 16
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*")
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
# Beyond what `ipaddress` calls not global: addresses that lead to others, and those whose meaning has changed.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"),
        *("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2002::/16"),
        *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10"),
    )
)
_REFUSED = "This address is not one that files may be fetched from. The operator lists them in DOCCHAT_FETCH_ALLOW."

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Sequence[str]]
"""The addresses of a host, as text."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file from the web. `name` ends as its type does."""

    name: str
    media_type: str
    content: bytes

    def stream(self) -> BinaryIO:
        """The content to be read."""
        return io.BytesIO(self.content)


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that may be asked for: the host as it stands in it, and where it leads."""

    scheme: str
    host: str
    port: int
    path: str


class AllowList:
    """Hosts that files may be fetched from: `docs.example.org`, `*.example.org`, `wiki.intern:8080`, `10.0.0.5`.

    A name stands for ports 80 and 443, or the one given. Private addresses are open only to an entry that is an
    address, or a network such as `10.1.0.0/16`.
    """

    def __init__(self, text: str) -> None:
        self._hosts: set[tuple[str, int | None]] = set()
        self._networks: list[tuple[Network, int | None]] = []
        for entry in filter(None, (piece.strip().lower() for piece in text.split(","))):
            self._add(entry)

    def __bool__(self) -> bool:
        return bool(self._hosts or self._networks)

    def allows(self, host: str, port: int, scheme: str) -> bool:
        """Whether this host may be asked at this port."""
        ports = {port, None} if port == _PORTS[scheme] else {port}
        address = _as_address(host)
        if address is not None:
            return any(address in network and listed in ports for network, listed in self._networks)
        labels = host.split(".")
        names = [host, *("*." + ".".join(labels[start:]) for start in range(1, len(labels)))]
        return any((name, listed) in self._hosts for name in names for listed in ports)

    def opens(self, address: Address, port: int) -> bool:
        """Whether an address may be connected to: public, or listed itself, with this port if it names one."""
        if any(address in network and listed in (None, port) for network, listed in self._networks):
            return True
        special = any(address in network for network in _SPECIAL)
        return address.is_global and not address.is_multicast and not special

    def _add(self, entry: str) -> None:
        host, port = _split_port(entry)
        try:
            network = ipaddress.ip_network(host.strip("[]"))
        except ValueError:
            bare = host.removeprefix("*.")
            if not _HOST.fullmatch(bare) or _NUMERIC.fullmatch(bare):
                raise ConfigError(f"DOCCHAT_FETCH_ALLOW: {entry!r} is neither a host nor an address.") from None
            self._hosts.add((host, port))
        else:
            self._networks.append((network, port))


class Fetcher:
    """Fetches files of at most `limit` bytes. `lookup` is how names become addresses."""

    def __init__(self, allow: AllowList, *, limit: int, lookup: Lookup | None = None, seconds: float = SECONDS) -> None:
        self._allow = allow
        self._limit = limit
        self._lookup = lookup or _look_up
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def fetch(self, url: str) -> Fetched:
        """The file at `url`.

        Raises InvalidInput (fetch_off, url_not_allowed, fetch_failed), TooLarge, Overloaded.
        """
        if not self._allow:
            raise InvalidInput("Files cannot be fetched from the web here: that is switched off.", code="fetch_off")
        if not self._places.acquire(blocking=False):
            raise Overloaded
        try:
            return self._follow(url, time.monotonic() + self._seconds)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _failed("The file could not be fetched: its server does not answer as it should.") from error
        finally:
            self._places.release()

    def _follow(self, url: str, until: float) -> Fetched:
        secure = False
        for _ in range(_MOST_HOPS + 1):
            target = self._checked(url)
            if secure and target.scheme != "https":
                raise _refused()
            secure = target.scheme == "https"
            with self._asked(target, until) as response:
                _left(until)
                if response.status not in _REDIRECTS:
                    return self._read(response, target, until)
                location = response.getheader("Location", "")
            url = urljoin(f"{target.scheme}://{_netloc(target)}{target.path}", location)
        raise _failed("The file could not be fetched: it is redirected too often.")

    def _checked(self, url: str) -> _Target:
        """The URL in parts, when it is one that may be asked for."""
        # Before any parsing: what two parsers could read in two ways is refused.
        if len(url) > _LONGEST_URL or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
            raise _refused()
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _refused() from error
        host = _host(parts)
        if parts.scheme not in _PORTS or host is None or "@" in parts.netloc:
            raise _refused()
        port = _PORTS[parts.scheme] if port is None else port
        if not self._allow.allows(host, port, parts.scheme):
            raise _refused()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return _Target(parts.scheme, host, port, path)

    @contextmanager
    def _asked(self, target: _Target, until: float) -> Iterator[http.client.HTTPResponse]:
        """The beginning of the answer, over a connection to an address that was checked."""
        address = self._address(target)
        connection = _Connection(target, address, timeout=_left(until))
        # Whatever the server does, slow headers and endless interim answers too, this ends it.
        timer = threading.Timer(max(0.0, until - time.monotonic()), connection.cut)
        timer.daemon = True
        timer.start()
        try:
            connection.request(
                "GET", target.path, headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "docchat"}
            )
            with closing(connection.getresponse()) as response:
                yield response
        finally:
            timer.cancel()
            connection.close()

    def _address(self, target: _Target) -> Address:
        """The address to connect to. Every address of the host must be open."""
        literal = _as_address(target.host)
        names = [] if literal is not None else self._lookup(target.host, target.port)
        found = [literal] if literal is not None else [ipaddress.ip_address(one.partition("%")[0]) for one in names]
        if not found or not all(self._allow.opens(address, target.port) for address in found):
            raise _refused()
        return found[0]

    def _read(self, response: http.client.HTTPResponse, target: _Target, until: float) -> Fetched:
        if response.status != http.client.OK:
            raise _failed(f"The file could not be fetched: its server answers {response.status}.")
        if response.getheader("Content-Encoding", "identity").lower() not in ("", "identity"):
            raise _failed("The file could not be fetched: its server packs what it was asked to send plainly.")
        content = bytearray()
        while piece := response.read(_PIECE):
            content += piece
            if len(content) > self._limit:
                raise TooLarge(f"This file is too large. The largest may have {self._limit / (1 << 20):.4g} MB.")
            _left(until)
        _left(until)  # a connection that was cut looks like one that has ended
        if response.length:
            raise http.client.IncompleteRead(bytes(content))
        media_type = response.headers.get_content_type() if "Content-Type" in response.headers else ""
        return Fetched(_name(target, response.headers, media_type), media_type, bytes(content))


class _Connection(http.client.HTTPConnection):
    """A connection to the address that was checked, whatever the host's name leads to by now. No proxies."""

    def __init__(self, target: _Target, address: Address, *, timeout: float) -> None:
        super().__init__(_bracketed(target.host), target.port, timeout=timeout)
        self.default_port = _PORTS[target.scheme]
        self._target = target
        self._address = address
        self._opened: socket.socket | None = None

    def connect(self) -> None:
        """Connect to the address; the certificate must be the host's."""
        plain = socket.create_connection((str(self._address), self._target.port), timeout=self.timeout)
        self._opened = plain
        if self._target.scheme == "https":
            self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self._target.host)
        else:
            self.sock = plain
        self._opened = self.sock

    def cut(self) -> None:
        """End whatever goes on."""
        if self._opened is not None:
            with suppress(OSError):  # it has ended already
                self._opened.shutdown(socket.SHUT_RDWR)


def _host(parts: SplitResult) -> str | None:
    """The host in its one form: a name in lower case, or an address as `ipaddress` writes it; None for anything else.

    Decimal, octal and hexadecimal forms of addresses, and short ones, are none.
    """
    host = (parts.hostname or "").removesuffix(".")
    if parts.netloc.startswith("["):
        try:
            return str(ipaddress.IPv6Address(host)) if "%" not in host else None
        except ValueError:
            return None
    if _NUMERIC.fullmatch(host):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            return None
    return host if _HOST.fullmatch(host) and not host.rpartition(".")[2].isdigit() else None


def _as_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _split_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.endswith("]")):
        return host, int(port)
    return entry, None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _netloc(target: _Target) -> str:
    return f"{_bracketed(target.host)}:{target.port}"


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise _failed("The file could not be fetched: it takes too long.")
    return min(_SILENCE_SECONDS, left)


def _name(target: _Target, headers: Message, media_type: str) -> str:
    name = headers.get_filename() or unquote(target.path.partition("?")[0].rstrip("/").rpartition("/")[2])
    name = name or target.host
    guessed = mimetypes.guess_type(name)[0]
    ending = mimetypes.guess_extension(media_type) if media_type and media_type != "application/octet-stream" else None
    return name if guessed == media_type or ending is None else name + ending


def _look_up(host: str, port: int) -> Sequence[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _refused() -> InvalidInput:
    return InvalidInput(_REFUSED, code="url_not_allowed")


def _failed(message: str) -> InvalidInput:
    return InvalidInput(message, code="fetch_failed", status=502)
