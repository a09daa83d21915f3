"""Passwords of created users are handed out once, only encrypted, and audited."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyrage
import pytest

from console.download_file import to_file
from shared.domain.audit import event_of
from shared.domain.errors import Code, KeyRefused, Refuse
from shared.domain.jobs import JobKind, RestoreProgress
from shared.engine.requests.restores import hand_out_passwords
from shared.engine.restore.passwords import NewPassword, seal_password
from shared.ports.catalog.restores import SealedPassword
from tests.contract.engine.world import EngineWorld
from tests.unit.vault.parts import ARN

ADA = NewPassword(key="users/a", user="ada@contoso.example", password="CANARY-one")
BOB = NewPassword(key="users/b", user="bob@contoso.example", password="CANARY-two")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path, lease=60.0)
    world.back_up()
    yield world
    world.close()


def restored(world: EngineWorld, detail: RestoreProgress) -> str:
    """Return the job of a restore that has created both users."""
    world.request(JobKind.RESTORE, "latest", detail)
    with world.step("check", 1) as work:
        passwords = [SealedPassword(number=n, sealed=seal_password(work, each)) for n, each in enumerate((ADA, BOB), 1)]
        world.catalog.restores.keep_passwords(work.claim, passwords)
        world.catalog.jobs.cancel(work.claim.job_id)
        return work.claim.job_id


def hand_out(world: EngineWorld, job_id: str, recipient: str | None, file: Path) -> int:
    return hand_out_passwords(world.context, "ada", "acme", job_id, recipient, lambda: to_file(str(file)))


def test_passwords_are_written_encrypted_and_deleted(world: EngineWorld, tmp_path: Path) -> None:
    identity, file = pyrage.x25519.Identity.generate(), tmp_path / "passwords.age"
    job_id = restored(world, RestoreProgress(password_recipient=str(identity.to_public())))
    assert hand_out(world, job_id, None, file) == 2
    assert b"CANARY" not in file.read_bytes()
    lines = pyrage.decrypt(file.read_bytes(), [identity]).splitlines()
    assert [msgspec.json.decode(line, type=NewPassword) for line in lines] == [ADA, BOB]
    event = event_of(world.catalog.audit.recent(1)[0])
    assert (event.actor, event.action, event.detail) == ("ada", "passwords.handed-out", {"passwords": 2})
    with pytest.raises(Refuse, match="were handed out") as caught:
        hand_out(world, job_id, None, file)
    assert caught.value.code is Code.WRONG_USE


def test_passwords_stay_unless_the_file_is_complete(world: EngineWorld, tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    recipient, file = str(identity.to_public()), tmp_path / "passwords.age"
    job_id = restored(world, RestoreProgress())
    with pytest.raises(Refuse, match="--password-recipient"):
        hand_out(world, job_id, None, file)
    with pytest.raises(Refuse):
        hand_out(world, job_id, "no key", file)
    with pytest.raises(Refuse) as caught:
        hand_out(world, job_id, recipient, tmp_path / "absent" / "file")
    assert caught.value.code is Code.FILE_NOT_WRITABLE
    world.keys.trouble = KeyRefused(ARN, "Disabled.")
    with pytest.raises(KeyRefused):
        hand_out(world, job_id, recipient, file)
    world.keys.trouble = None
    assert not file.exists()
    assert hand_out(world, job_id, recipient, file) == 2
