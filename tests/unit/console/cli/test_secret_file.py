"""A client secret comes from a file that holds nothing else."""

from pathlib import Path

import pytest

from console.cli.secret_file import read_secret
from shared.domain.errors import Code, Refuse


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_last_line_break_is_dropped_and_nothing_else(tmp_path: Path, end: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b" p~ss " + end)
    assert read_secret(file).reveal() == b" p~ss "


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"CANARY\nCANARY", b"CANARY\xff", b"CANARY" * 1000],
    ids=["empty", "break", "lines", "bytes", "long"],
)
def test_what_is_no_secret_is_refused_and_not_repeated(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(text)
    with pytest.raises(Refuse) as caught:
        read_secret(file)
    assert caught.value.code is Code.WRONG_USE
    assert str(file) in caught.value.message
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("name", ["absent", ".", "nul\0"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refuse) as caught:
        read_secret(tmp_path / name)
    assert caught.value.code is Code.WRONG_USE
