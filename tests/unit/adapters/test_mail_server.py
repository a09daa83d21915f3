"""The mail server for notices, as its file names it."""

from pathlib import Path

import pytest

from shared.adapters.notices.mail_server import mail_server
from shared.ports.notices import NotTaken


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "smtps://ana:p%40ss@smtp.example.com?from=entrakeep@example.com\n",
            {"port": 465, "secure": True, "secure_mode": "ssl", "user": "ana", "password": "p@ss"},
        ),
        (
            "smtp://smtp.example.com:2525?from=entrakeep@example.com",
            {"port": 2525, "secure": True, "secure_mode": "starttls", "user": None, "password": None},
        ),
        (
            "smtp://127.0.0.1:25?from=entrakeep@example.com",
            {"port": 25, "secure": False, "secure_mode": "insecure", "host": "127.0.0.1"},
        ),
    ],
)
def test_a_mail_server_is_reached_with_tls_unless_it_is_on_loopback(
    tmp_path: Path, text: str, values: dict[str, object]
) -> None:
    file = tmp_path / "smtp"
    file.write_text(text)
    server = mail_server(file)
    assert {name: server[name] for name in values} == values
    assert server["from_addr"] == "entrakeep@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "smtps://s3cr3t@host",
        "https://s3cr3t@host?from=a@b.c",
        "smtps://host:99999?from=a@b.c",
        "\udcff",
        "smtps://?from=a@b",
    ],
)
def test_a_wrong_file_is_told_without_its_text(tmp_path: Path, text: str) -> None:
    file = tmp_path / "smtp"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(NotTaken) as caught:
        mail_server(file)
    assert "ENTRAKEEP_SMTP_URL_FILE" in caught.value.outcome
    assert "s3cr3t" not in caught.value.outcome


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    for file in (None, tmp_path / "absent"):
        with pytest.raises(NotTaken, match="ENTRAKEEP_SMTP_URL_FILE"):
            mail_server(file)
