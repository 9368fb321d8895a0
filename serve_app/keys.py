"""API keys: python -m serve_app.keys --name studio --scopes animate,jobs >> keys.txt

A line per key: its name, its scopes, the SHA-256 of the key. The key itself is told once and stands nowhere: it has 256
random bits, so that its digest says nothing of it and needs no salt.
"""

import hashlib
import hmac
import re
import secrets
import sys
from dataclasses import dataclass

from emotalk import command_line
from emotalk.errors import InputError
from emotalk.files import PathOrUri, read_source

SCOPES = ("animate", "jobs", "admin")
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_BYTES = 2**20
PREFIX = "emotalk_"


@dataclass(frozen=True, kw_only=True)
class Key:
    """Who asks. admin includes the other scopes."""

    name: str
    scopes: frozenset[str]
    sha256: str

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class KeyRing:
    """The keys of a service."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._keys = keys

    @classmethod
    def load(cls, place: PathOrUri) -> "KeyRing":
        """InputError names the line that cannot be read."""
        keys = []
        for number, line in enumerate(read_source(place, max_bytes=MAX_BYTES).decode(errors="replace").splitlines(), 1):
            if text := line.split("#")[0].strip():
                keys.append(_key(text, f"{place}, line {number}"))
        if not keys:
            raise InputError("holds no key", source=place)
        if len({key.name for key in keys}) < len(keys):
            raise InputError("two keys have the same name", source=place)
        return cls(tuple(keys))

    def find(self, given: str) -> Key | None:
        """The key with this secret. Takes as long for any wrong one, near or far."""
        digest = hashlib.sha256(given.encode()).hexdigest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found


def _key(text: str, source: str) -> Key:
    parts = text.split()
    if len(parts) != 3 or not NAME.fullmatch(parts[0]) or not re.fullmatch("[0-9a-f]{64}", parts[2]):
        raise InputError("a key's line has a name, scopes with commas, and 64 hexadecimal digits", source=source)
    scopes = frozenset(parts[1].split(","))
    if unknown := sorted(scopes - set(SCOPES)):
        raise InputError(f"unknown scopes {', '.join(unknown)}; known are {', '.join(SCOPES)}", source=source)
    return Key(name=parts[0], scopes=scopes, sha256=parts[2])


@dataclass(frozen=True, kw_only=True)
class NewKey:
    """Makes a key: its line for the file of keys on the output, the key itself on the error stream."""

    name: str
    """What it is called in logs and metrics."""
    scopes: str = "animate"
    """What it may do: animate, jobs, admin, with commas between."""

    def run(self) -> int:
        secret = PREFIX + secrets.token_urlsafe(32)
        line = f"{self.name} {self.scopes} {hashlib.sha256(secret.encode()).hexdigest()}"
        _key(line, "options")
        print(line)
        print(f"the key, told only now: {secret}", file=sys.stderr)
        return 0


if __name__ == "__main__":
    asked: NewKey = command_line.parse(NewKey, prog="python -m serve_app.keys")
    sys.exit(command_line.run(asked.run))
