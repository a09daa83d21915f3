"""The operating system determines the user of this process, and no setting changes it."""

import os
import pwd
import socket

import pytest

from shared.adapters.operator import operator


def test_the_operator_is_the_user_of_the_process_whatever_the_environment_contains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOSTNAME"):
        monkeypatch.setenv(name, "mallory")
    assert operator() == f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"


def test_a_user_without_a_name_is_shown_as_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert operator() == f"{os.getuid()}@{socket.gethostname()}"
