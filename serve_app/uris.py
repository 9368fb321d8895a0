"""Recordings that clients name by URI: only under configured prefixes, never files, never addresses of this network.

A prefix names scheme, host (or bucket) and the start of a path, in whole segments. http(s) is fetched here, without
redirects and from an address that has been looked at; other schemes by the package's own drivers.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import IO, Any, BinaryIO, cast
from urllib.parse import SplitResult, unquote, urlsplit

from emotalk.errors import InputError
from emotalk.files import open_source
from serve_app.problems import BAD_URI, BODY_TOO_LARGE, Problem

SCHEME = re.compile("[a-z][a-z0-9+.-]*")
LOCAL = {"", "file", "local", "memory", "zip", "tar", "data", "dir", "filecache", "simplecache", "blockcache", "cached"}
CONNECT_S = 10.0
FETCH_S = 120.0  # for a whole recording
BLOCK = 2**20
METADATA = ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fd00:ec2::/32")


def check_prefix(prefix: str) -> None:
    """InputError for what cannot be a prefix of recordings."""
    parts = urlsplit(prefix)
    if not SCHEME.fullmatch(parts.scheme) or parts.scheme in LOCAL or not parts.netloc:
        raise InputError(f"a URI prefix is scheme://host/path or scheme://bucket/path, not {prefix!r}")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise InputError(f"a URI prefix has no query, fragment or user: {prefix!r}")


def check_uri(uri: object, prefixes: Sequence[str], what: str = "recordings are read") -> str:
    """The URI, if it may be opened, else a Problem. what: is done under these prefixes, for its words."""
    if not isinstance(uri, str) or len(uri) > 2048 or not uri.isprintable() or "\\" in uri or " " in uri:
        raise Problem(BAD_URI, "a URI is a text of at most 2048 printable characters without spaces")
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise Problem(BAD_URI, f"not a URI ({error})") from error
    path = unquote(unquote(parts.path))
    strange = "::" in uri or "@" in parts.netloc or parts.fragment
    if strange or any(segment in (".", "..") for segment in path.replace("\\", "/").split("/")):
        raise Problem(BAD_URI, "a URI has no user, fragment, chain, or segments . and ..")
    if any(_under(parts, urlsplit(prefix)) for prefix in prefixes):
        return uri
    where = ", ".join(prefixes) or "none: this service takes uploads only"
    raise Problem(BAD_URI, f"{what} under these prefixes: {where}")


def _under(uri: SplitResult, prefix: SplitResult) -> bool:
    root = prefix.path.rstrip("/")
    same = (uri.scheme, uri.netloc.lower()) == (prefix.scheme, prefix.netloc.lower())
    return same and (uri.path == root or uri.path.startswith(f"{root}/"))


@contextmanager
def fetched_uri(uri: str, *, max_bytes: int, private: bool) -> Iterator[BinaryIO]:
    """What lies behind a checked URI, in a file of this machine that is gone with the block. Blocks: runs in a thread.

    private: whether its host may have an address of this network. A Problem for what cannot be had.
    """
    parts = urlsplit(uri)
    with tempfile.TemporaryFile(prefix="emotalk-fetched-") as file:
        try:
            with _http(parts, private) if parts.scheme in ("http", "https") else open_source(uri) as source:
                _copy(source, file, max_bytes)
        except InputError as error:
            raise Problem(BAD_URI, error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise Problem(BAD_URI, f"it cannot be read ({type(error).__name__})") from error
        file.seek(0)
        yield cast(BinaryIO, file)


def _copy(source: Any, file: IO[bytes], max_bytes: int) -> None:
    size, deadline = 0, monotonic() + FETCH_S
    while block := source.read(BLOCK):
        size += len(block)
        if size > max_bytes:
            raise Problem(BODY_TOO_LARGE, f"the recording has more than {max_bytes} bytes", max_body_bytes=max_bytes)
        if monotonic() > deadline:
            raise Problem(BAD_URI, f"not read within {FETCH_S:g} s")
        file.write(block)


@contextmanager
def _http(parts: SplitResult, private: bool) -> Iterator[http.client.HTTPResponse]:
    assert parts.hostname is not None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = resolved(parts.hostname, port, private)
    connection = _Pinned(parts.hostname, port, address, secure=parts.scheme == "https")
    try:
        query = f"?{parts.query}" if parts.query else ""
        connection.request("GET", (parts.path or "/") + query, headers={"Accept": "audio/*, video/*, */*"})
        response = connection.getresponse()
        if 300 <= response.status < 400:
            raise InputError("it redirects elsewhere, which is not followed")
        if response.status != 200:
            raise InputError(f"its host answered {response.status}")
        yield response
    finally:
        connection.close()


def resolved(host: str, port: int, private: bool) -> str:
    """The address to connect to. InputError where any of the host's is one that recordings do not come from."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise InputError("its host is not known") from error
    for entry in found:
        check_address(str(entry[4][0]), private)
    return str(found[0][4][0])


def check_address(text: str, private: bool) -> None:
    """InputError for a metadata address, and for one of this network unless `private`."""
    address = ipaddress.ip_address(text.split("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    address = mapped or address
    if any(address in network for network in METADATA if network.version == address.version):
        raise InputError("its host has an address that recordings are not read from")
    if not private and not address.is_global:
        raise InputError("its host has an address of this network")
    if address.is_multicast or address.is_unspecified:
        raise InputError("its host has no usable address")


class _Pinned(http.client.HTTPConnection):
    """Connects to the address that was looked at, whatever the name says a moment later."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool) -> None:
        super().__init__(host, port, timeout=CONNECT_S)
        self._address, self._secure = address, secure

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
