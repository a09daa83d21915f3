"""What browsers get: files as their makers released them, few bytes, and nothing that a page could run by itself."""

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from console.web.states import KINDS
from console.web.static_files import address, static_files
from tests.pages import TOP

WEB = TOP / "console" / "web"
VENDOR = WEB / "static" / "vendor"
PACKAGES = json.loads((VENDOR / "vendor.json").read_text())["packages"]
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
_TAG = re.compile(r"<(?!/)[a-z][^<>]*(?:<[^<>]*>[^<>]*)*>", re.DOTALL)


def test_every_vendored_file_is_the_released_one() -> None:
    wanted = {name: entry["sha256"] for package in PACKAGES for name, entry in package["files"].items()}
    (sprite,) = (package["sprite"]["sha256"] for package in PACKAGES if "sprite" in package)
    wanted["sprite.svg"] = sprite
    present = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in VENDOR.iterdir()
        if file.name != "vendor.json"
    }
    assert present == wanted


def test_each_package_has_a_version_an_integrity_and_a_licence() -> None:
    for package in PACKAGES:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        algorithm, _, digest = package["integrity"].partition("-")
        assert (algorithm, len(base64.b64decode(digest))) == ("sha512", 64)
        assert any("LICENSE" in name for name in package["files"])


@pytest.mark.parametrize(
    ("name", "most"), [("scripts.js", 22), ("console.css", 12), ("sprite.svg", 8), ("icon.svg", 1)]
)
def test_the_weights_stay_in_their_budget(name: str, most: int) -> None:
    assert len(static_files()[name].zipped) <= most * 1024
    assert gzip.decompress(static_files()[name].zipped) == static_files()[name].content


def test_every_address_names_the_hash_of_the_content() -> None:
    for name, file in static_files().items():
        assert hashlib.sha256(file.content).hexdigest().startswith(address(name).split("/")[2])


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    symbols = set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "sprite.svg").read_text()))
    texts = [path.read_text() for path in (*TEMPLATES, WEB / "frame.py", WEB / "states.py")]
    named = {name for text in texts for name in re.findall(r'\bicon\("([a-z0-9-]+)"', text)}
    from console.web.frame import ENTRIES
    from console.web.states import shown

    named |= {entry.icon for entry in ENTRIES} | {shown(word).icon for word in ("ok", "late", "failed", "x", "held")}
    assert named <= symbols
    assert len(KINDS) == 9


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB / "templates")))
def test_a_template_has_no_inline_script_style_or_handler(path: Path) -> None:
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|\|\s*safe\b|autoescape", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    for tag in _TAG.findall(text):
        if re.search(r"\shx-(?!nonce)", tag):
            assert "hx-nonce=" in tag, tag


def test_our_script_makes_no_html_from_text() -> None:
    for file in (WEB / "static").glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", file.read_text()
        )


def test_the_wheel_contains_templates_and_static_files(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=TOP,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    files = [*TEMPLATES, *(path for path in (WEB / "static").rglob("*") if path.is_file())]
    assert {str(path.relative_to(TOP)) for path in files} <= names
