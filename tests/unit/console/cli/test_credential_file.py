"""A client secret or certificate comes from a file that holds nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.credential_file import read_credential
from shared.domain.errors import Code, Refuse
from shared.domain.model import CredentialKind


@pytest.fixture(autouse=True)
def _private() -> Iterator[None]:
    """Make files private to this user, unless a test changes that."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_only_the_last_line_break_of_a_credential_file_is_dropped(tmp_path: Path, end: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"p~s s" + end)
    assert read_credential(file, None)[1].reveal() == b"p~s s"


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"CANARY\nCANARY", b"CANARY\xff", b"CANARY" * 1000],
    ids=["empty", "break", "lines", "bytes", "long"],
)
def test_text_that_is_no_secret_is_refused_and_not_repeated(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(text)
    with pytest.raises(Refuse) as caught:
        read_credential(file, None)[1]
    assert caught.value.code is Code.WRONG_USE
    assert str(file) in caught.value.message
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"\xef\xbb\xbfCANARY\n", "byte order mark"),
        ("CANARY\r\n".encode("utf-16"), "UTF-16"),
        (b" CANARY\n", "blanks"),
        (b"CANARY \n", "blanks"),
        (b"\tCANARY", "blanks"),
        ("CANARY\u00a0".encode(), "blanks"),
    ],
)
def test_an_unusual_secret_causes_a_warning(tmp_path: Path, text: bytes, sentence: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(text)
    with pytest.raises(Refuse, match=sentence) as caught:
        read_credential(file, None)
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o660])
@pytest.mark.parametrize("certificate", [False, True])
def test_a_file_readable_by_others_is_refused_with_the_command_that_fixes_it(
    tmp_path: Path, mode: int, certificate: bool
) -> None:
    file = tmp_path / "file"
    file.write_bytes(PEM)
    file.chmod(mode)
    with pytest.raises(Refuse, match=f"chmod 600 {file}") as caught:
        read_credential(*((None, file) if certificate else (file, None)))
    assert caught.value.code is Code.WRONG_USE
    file.chmod(0o400)
    if certificate:
        read_credential(None, file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another user")
def test_a_file_of_another_user_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"mounted")
    file.chmod(0o444)
    os.chown(file, 65534, 65534)
    assert read_credential(file, None)[1].reveal() == b"mounted"


def test_a_pipe_is_read_whatever_its_mode() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped\n")
    os.close(writing)
    assert read_credential(Path(f"/dev/fd/{reading}"), None)[1].reveal() == b"piped"
    os.close(reading)


@pytest.mark.parametrize("secret", [True, False])
@pytest.mark.parametrize("name", ["absent", ".", "nul\0"])
def test_an_unreadable_file_is_reported_in_one_sentence(tmp_path: Path, name: str, secret: bool) -> None:
    with pytest.raises(Refuse) as caught:
        read_credential(*((tmp_path / name, None) if secret else (None, tmp_path / name)))
    assert caught.value.code is Code.WRONG_USE


PEM = b"-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nCANARY\n"


def test_a_certificate_is_kept_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "app.pem"
    file.write_bytes(PEM)
    kind, secret = read_credential(None, file)
    assert (kind, secret.reveal()) == (CredentialKind.CERTIFICATE, PEM)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"CANARY", "no certificate"),
        (PEM.replace(b"PRIVATE", b"PUBLIC"), "no private key"),
        (PEM.replace(b"BEGIN PRIVATE", b"BEGIN ENCRYPTED PRIVATE"), "encrypted"),
        (PEM + b"CANARY" * 20_000, "too long"),
    ],
)
def test_a_file_without_a_certificate_and_its_key_is_refused_and_not_repeated(
    tmp_path: Path, text: bytes, sentence: str
) -> None:
    file = tmp_path / "app.pem"
    file.write_bytes(text)
    with pytest.raises(Refuse, match=sentence) as caught:
        read_credential(None, file)
    assert caught.value.code is Code.WRONG_USE
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("both", [True, False])
def test_exactly_one_kind_of_credential_is_required(tmp_path: Path, both: bool) -> None:
    file = tmp_path / "x" if both else None
    with pytest.raises(Refuse, match="either"):
        read_credential(file, file)
