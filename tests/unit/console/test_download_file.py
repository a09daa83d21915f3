"""A download's file exists once it is complete, and not before."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from console.download_file import to_file
from shared.domain.errors import Code, Refuse


@pytest.fixture(params=["unnamed", "part"])
def target(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a file to write, once in a file system without O_TMPFILE."""
    if request.param == "part":
        real: Callable[..., int] = os.open

        def without_unnamed(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
            return real(path, flags, *more, **named)

        monkeypatch.setattr(os, "open", without_unnamed)
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder / "out.jsonl"


def test_a_successful_download_is_at_its_name_and_private_to_its_owner(target: Path) -> None:
    with to_file(str(target)) as sink:
        sink.write(b"one\n")
        sink.write(b"two\n")
        assert not target.exists()
    assert target.read_bytes() == b"one\ntwo\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert os.listdir(target.parent) == ["out.jsonl"]


def test_a_failed_download_leaves_only_the_earlier_file(target: Path) -> None:
    target.write_text("before")
    with pytest.raises(RuntimeError), to_file(str(target)) as sink:
        sink.write(b"half")
        raise RuntimeError
    assert target.read_text() == "before"
    assert os.listdir(target.parent) == ["out.jsonl"]


def test_a_successful_download_replaces_the_earlier_file_and_a_stale_part_file(target: Path) -> None:
    target.write_text("before")
    target.with_name("out.jsonl.part").write_text("left by one that was killed")
    with to_file(str(target)) as sink:
        sink.write(b"after")
    assert target.read_text() == "after"
    assert os.listdir(target.parent) == ["out.jsonl"]


def test_a_symbolic_link_is_followed(target: Path) -> None:
    link = target.with_name("link")
    link.symlink_to(target)
    with to_file(str(link)) as sink:
        sink.write(b"x")
    assert link.is_symlink()
    assert target.read_bytes() == b"x"


@pytest.mark.parametrize("name", ["/dev/null", ".", "absent/out.jsonl", "nul\0", "n" * 300])
def test_an_unusable_destination_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refuse) as caught, to_file(str(tmp_path / name)):
        pytest.fail("it was opened")
    assert caught.value.code is Code.FILE_NOT_WRITABLE
    assert os.listdir(tmp_path) == []


def test_standard_output_is_no_name_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refuse) as caught, to_file("-"):
        pass
    assert caught.value.code is Code.WRONG_USE
    assert os.listdir(tmp_path) == []
