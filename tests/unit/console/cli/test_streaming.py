"""Hits of a search are written when they are found, however far away the next one is."""

from collections.abc import Iterator

import pytest

from console.cli import snapshots


def test_each_hit_is_written_before_the_next_one_is_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    monkeypatch.setattr(snapshots, "write", written.append)

    def hits() -> Iterator[bytes]:
        for n in range(300):
            yield b"%d\n" % n
            assert b"".join(written).endswith(b"%d\n" % n)

    assert snapshots._written(hits(), at_once=True) == 300
