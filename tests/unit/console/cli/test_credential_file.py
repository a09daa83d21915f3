"""A client secret or certificate comes from a file that holds nothing else."""

from pathlib import Path

import pytest

from console.cli.credential_file import read_credential
from shared.domain.errors import Code, Refuse
from shared.domain.model import CredentialKind


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_last_line_break_is_dropped_and_nothing_else(tmp_path: Path, end: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b" p~ss " + end)
    assert read_credential(file, None)[1].reveal() == b" p~ss "


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"CANARY\nCANARY", b"CANARY\xff", b"CANARY" * 1000],
    ids=["empty", "break", "lines", "bytes", "long"],
)
def test_what_is_no_secret_is_refused_and_not_repeated(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "secret"
    file.write_bytes(text)
    with pytest.raises(Refuse) as caught:
        read_credential(file, None)[1]
    assert caught.value.code is Code.WRONG_USE
    assert str(file) in caught.value.message
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("secret", [True, False])
@pytest.mark.parametrize("name", ["absent", ".", "nul\0"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, name: str, secret: bool) -> None:
    with pytest.raises(Refuse) as caught:
        read_credential(*((tmp_path / name, None) if secret else (None, tmp_path / name)))
    assert caught.value.code is Code.WRONG_USE


PEM = b"-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nCANARY\n"


def test_a_certificate_is_taken_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "app.pem"
    file.write_bytes(PEM)
    kind, secret = read_credential(None, file)
    assert (kind, secret.reveal()) == (CredentialKind.CERTIFICATE, PEM)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"CANARY", "no certificate"),
        (PEM.replace(b"PRIVATE", b"PUBLIC"), "no private key"),
        (PEM.replace(b"BEGIN PRIVATE", b"BEGIN ENCRYPTED PRIVATE"), "encrypted"),
        (PEM + b"CANARY" * 20_000, "too long"),
    ],
)
def test_what_is_no_certificate_with_its_key_is_refused_and_not_repeated(
    tmp_path: Path, text: bytes, said: str
) -> None:
    file = tmp_path / "app.pem"
    file.write_bytes(text)
    with pytest.raises(Refuse, match=said) as caught:
        read_credential(None, file)
    assert caught.value.code is Code.WRONG_USE
    assert "CANARY" not in caught.value.message


@pytest.mark.parametrize("both", [True, False])
def test_exactly_one_of_both_is_given(tmp_path: Path, both: bool) -> None:
    file = tmp_path / "x" if both else None
    with pytest.raises(Refuse, match="either"):
        read_credential(file, file)
