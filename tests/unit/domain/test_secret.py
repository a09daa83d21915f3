"""A Secret has no printed form."""

import pickle

import pytest

from shared.domain.secret import Secret


def test_a_secret_is_printed_only_where_its_value_is_read() -> None:
    secret = Secret(b"canary")
    assert secret.reveal() == b"canary"
    assert "canary" not in f"{secret} {secret!r} {[secret]}"


def test_a_secret_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(b"canary"))
