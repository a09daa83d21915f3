"""Static files: kept in memory, named by their hash, and so never asked for twice.

The scripts are sent as one file, because each file is a request of the first visit.
"""

import functools
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_SCRIPTS = (
    *("vendor/htmx.min.js", "vendor/hx-csp.min.js", "vendor/hx-sse.min.js", "vendor/hx-ptag.min.js"),
    "console.js",
    "passkeys.js",
)
"""In the order in which they run: extensions need htmx."""


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent."""

    content: bytes
    zipped: bytes
    media_type: str
    digest: str


@functools.cache
def static_files() -> dict[str, StaticFile]:
    """Return every file by its name."""
    return {
        "console.css": _file(_read("console.css"), "text/css; charset=utf-8"),
        "scripts.js": _file(b";\n".join(map(_read, _SCRIPTS)), "text/javascript; charset=utf-8"),
        "sprite.svg": _file(_read("vendor/sprite.svg"), "image/svg+xml"),
        "icon.svg": _file(_read("icon.svg"), "image/svg+xml"),
    }


def address(name: str) -> str:
    """Return the path of a file in URLs."""
    return f"/static/{static_files()[name].digest}/{name}"


def _read(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()


def _file(content: bytes, media_type: str) -> StaticFile:
    zipped = gzip.compress(content, 9, mtime=0)
    return StaticFile(content, zipped, media_type, hashlib.sha256(content).hexdigest()[:16])
