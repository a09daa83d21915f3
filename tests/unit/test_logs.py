"""Log lines carry ids and no secrets."""

import logging

import pytest

from shared.logs import Formatter, redact


@pytest.mark.parametrize(
    "text",
    [
        "GET https://graph.example/v1.0/users/delta?$deltatoken=canary failed",
        "cannot reach redis://:canary@127.0.0.1:6379/0",
        "Authorization: Bearer canary.canary",
        "client_secret=canary&grant_type=x",
        '{"access_token": "canary"}',
    ],
)
def test_secrets_are_cut_out_of_log_lines(text: str) -> None:
    assert "canary" in text
    assert "canary" not in redact(text)


def test_a_log_line_names_tenant_and_job() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "msg": "step begins", "levelname": "INFO", "tenant": "t-1", "job": "j-1"}
    )
    line = Formatter().format(record)
    assert line.endswith("INFO x: step begins [tenant=t-1 job=j-1]")
