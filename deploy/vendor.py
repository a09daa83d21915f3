"""Fetch the browser's files that the console ships: ``make vendor``.

``vendor.json`` names each package with its version and npm's integrity, and each file with its SHA-256. ``npm pack``
downloads the packages; what differs from ``vendor.json`` is refused. An empty SHA-256 is filled in, which is how a new
file or version is added. Nobody needs npm to install or run Entrakeep.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "console" / "web" / "static" / "vendor"
_SHAPES = re.compile(r"<(?:path|circle|rect|line|polyline|polygon|ellipse)\b[^>]*/>")


def main() -> int:
    """Fetch all packages and write their files. Return 0, or 1 after a sentence that names what differs."""
    listing = FOLDER / "vendor.json"
    vendored = json.loads(listing.read_text())
    try:
        for package in vendored["packages"]:
            _fetch(package)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    listing.write_text(json.dumps(vendored, indent=2) + "\n")
    return 0


def _fetch(package: dict[str, Any]) -> None:
    """Write the files of one package. Raise ValueError if its integrity or a file's SHA-256 differs."""
    with tempfile.TemporaryDirectory() as folder:
        name = f"{package['package']}@{package['version']}"
        argv = ["npm", "pack", name, "--json", "--pack-destination", folder]
        (packed,) = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
        archive = Path(folder, packed["filename"])
        algorithm, _, expected = package["integrity"].partition("-")
        if base64.b64encode(hashlib.new(algorithm, archive.read_bytes()).digest()).decode() != expected:
            raise ValueError(f"{name} differs from the integrity in vendor.json.")
        with tarfile.open(archive) as opened:
            for file, entry in package["files"].items():
                _keep(FOLDER / file, _member(opened, entry["from"]), entry)
            if "sprite" in package:
                _keep(FOLDER / "sprite.svg", _sprite(opened, package["sprite"]["icons"]), package["sprite"])


def _member(opened: tarfile.TarFile, path: str) -> bytes:
    """Return a file of the package. Raise ValueError if the package does not have it."""
    try:
        member = opened.extractfile(f"package/{path}")
    except KeyError:
        member = None
    if member is None:
        raise ValueError(f"The package has no file {path}.")
    return member.read()


def _sprite(opened: tarfile.TarFile, icons: list[str]) -> bytes:
    """Return one SVG file with a symbol for each icon, drawn with the text's colour."""
    symbols = []
    for icon in icons:
        shapes = "".join(_SHAPES.findall(_member(opened, f"icons/{icon}.svg").decode())).replace(" />", "/>")
        symbols.append(f'<symbol id="{icon}" viewBox="0 0 24 24">{shapes}</symbol>')
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'.encode()


def _keep(file: Path, content: bytes, entry: dict[str, str]) -> None:
    """Write the file and note its SHA-256. Raise ValueError if it differs from the one noted before."""
    actual = hashlib.sha256(content).hexdigest()
    if entry["sha256"] not in ("", actual):
        raise ValueError(f"{file.name} differs from the SHA-256 in vendor.json.")
    entry["sha256"] = actual
    file.write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
