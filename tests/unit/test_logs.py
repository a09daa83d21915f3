"""Log lines carry ids and no secrets."""

import json
import logging
import sys

import pytest

from shared.logs import Formatter, JsonFormatter, redact


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
def test_secrets_are_removed_from_log_lines(text: str) -> None:
    assert "canary" in text
    assert "canary" not in redact(text)


def test_a_log_line_names_tenant_and_job() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "msg": "step begins", "levelname": "INFO", "tenant": "t-1", "job": "j-1"}
    )
    line = Formatter().format(record)
    assert line.endswith("INFO x: step begins [tenant=t-1 job=j-1]")


def test_a_json_log_line_has_the_same_facts_as_a_text_line() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "ERROR", "msg": "backup %s: see\nhttps://h/p?token=canary", "args": ("failed",)}
        | {"tenant": "contoso", "job": "j-1", "code": "STORE_FULL", "seconds": 1.5, "changed": 0, "other": "canary"}
    )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    document = json.loads(line)
    del document["time"]
    assert document == {
        "level": "ERROR",
        "logger": "x",
        "message": "backup failed: see\nhttps://h/p?***",
        "tenant": "contoso",
        "job": "j-1",
        "code": "STORE_FULL",
        "changed": 0,
        "seconds": 1.5,
    }


def test_an_exception_is_part_of_the_json_log_line() -> None:
    try:
        raise LookupError("at redis://:canary@127.0.0.1")
    except LookupError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", None, sys.exc_info())
    document = json.loads(JsonFormatter().format(record))
    assert "LookupError" in document["exception"]
    assert "canary" not in json.dumps(document)
