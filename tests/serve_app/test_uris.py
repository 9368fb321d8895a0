"""Recordings by URI: only under prefixes, no files, no addresses of this network, no redirects."""

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emotalk.errors import InputError
from serve_app.problems import Problem
from serve_app.uris import check_address, check_prefix, check_uri, fetched_uri, resolved
from tests.serve_app.recordings import wav

PREFIXES = ("https://media.example/takes", "s3://studio/shelf/", "http://media.example:8080/")


@pytest.mark.parametrize(
    "uri",
    [
        "https://media.example/takes/a.wav",
        "https://MEDIA.example/takes/b/c.wav?version=3",
        "s3://studio/shelf/a%20b.flac",
        "http://media.example:8080/x",
    ],
)
def test_what_lies_under_a_prefix_may_be_read(uri: str) -> None:
    assert check_uri(uri, PREFIXES) == uri


@pytest.mark.parametrize(
    "uri",
    [
        None,
        7,
        "",
        "a.wav",
        "/etc/passwd",
        "file:///etc/passwd",
        "local://etc/passwd",
        "https://media.example/takesandmore/a.wav",
        "https://media.example/take",
        "https://media.example.evil.example/takes/a.wav",
        "https://media.example@evil.example/takes/a.wav",
        "https://media.example:444/takes/a.wav",
        "https://media.example/takes/../secret.wav",
        "https://media.example/takes/%2e%2e/secret.wav",
        "https://media.example/takes/%252e%252e/secret.wav",
        "https://media.example/takes/..\\secret.wav",
        "https://media.example/takes/a.wav#x",
        "http://media.example/takes/a.wav",
        "s3://studio/other/a.wav",
        "simplecache::s3://studio/shelf/a.wav",
        "s3://studio/shelf/a.wav::file:///etc/passwd",
        "https://media.example/takes/\n.wav",
        "https://media.example:port/takes/a.wav",
        "https://[/takes",
        "s3://studio/shelf/" + "a" * 3000,
    ],
)
def test_nothing_else_may(uri: Any) -> None:
    with pytest.raises(Problem) as caught:
        check_uri(uri, PREFIXES)
    assert caught.value.kind.uri.endswith("bad-uri")


@pytest.mark.parametrize(
    "prefix", ["takes", "/takes", "file:///takes", "https://", "https://u:p@host/", "memory://x/y"]
)
def test_prefixes_that_would_open_too_much_are_refused(prefix: str) -> None:
    with pytest.raises(InputError):
        check_prefix(prefix)


@pytest.mark.parametrize(
    ("address", "private", "fine"),
    [
        ("93.184.215.14", False, True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", False, True),
        ("127.0.0.1", False, False),
        ("127.0.0.1", True, True),
        ("10.1.2.3", False, False),
        ("10.1.2.3", True, True),
        ("192.168.1.1", False, False),
        ("100.64.0.1", False, False),
        ("::1", False, False),
        ("fe80::1%eth0", False, False),
        ("::ffff:127.0.0.1", False, False),
        ("169.254.169.254", True, False),
        ("::ffff:169.254.169.254", True, False),
        ("fd00:ec2::254", True, False),
        ("0.0.0.0", True, False),
        ("224.0.0.1", True, False),
    ],
)
def test_addresses(address: str, private: bool, fine: bool) -> None:
    if fine:
        check_address(address, private)
    else:
        with pytest.raises(InputError, match="address"):
            check_address(address, private)


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433", "[::1]"])
def test_names_of_this_machine_are_looked_through(host: str) -> None:
    with pytest.raises(InputError):
        resolved(host.strip("[]"), 80, private=False)


class Media(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = wav(0.5)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest")
            self.end_headers()
        elif self.path == "/a.wav":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_error(404)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def media() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Media)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_recording_is_read(media: str) -> None:
    with fetched_uri(f"{media}/a.wav", max_bytes=2**20, private=True) as file:
        assert file.read() == wav(0.5)


@pytest.mark.parametrize(
    ("path", "private", "max_bytes", "named"),
    [
        ("/a.wav", False, 2**20, "address of this network"),
        ("/away", True, 2**20, "redirects"),
        ("/none", True, 2**20, "404"),
        ("/a.wav", True, 1_000, "more than 1000 bytes"),
    ],
)
def test_what_cannot_be_had_is_told(media: str, path: str, private: bool, max_bytes: int, named: str) -> None:
    with pytest.raises(Problem, match=named), fetched_uri(media + path, max_bytes=max_bytes, private=private):
        pass
