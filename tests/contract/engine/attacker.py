"""An attacker who may write to the bucket, and who has a KMS key of its own that the operator may use."""

import json
import uuid

from shared.domain.errors import Answer
from shared.domain.model import KeyMode, Purpose, ResourceReport, Tenant, WrappedKey
from shared.domain.records import prefix_tombstone, put
from shared.vault.format import Manifest, Run, StreamState
from shared.vault.keyring import DataKey, create_data_key
from shared.vault.manifests import store_manifest
from shared.vault.names import key_object_blob
from shared.vault.writer import RunWriter
from tests.contract.engine.world import EngineWorld

EVIL = "arn:aws:kms:eu-central-1:666677778888:key/0f3e5a3c-7c1e-4a3d-9a44-000000000666"
ADMIN = b'{"id":"666","displayName":"Break Glass Admin"}'


class Attacker:
    """Plant the blobs that a takeover of the tenant needs."""

    def __init__(self, world: EngineWorld) -> None:
        self._world = world
        self.tenant_id = world.tenant.tenant_id

    def key(self, job_id: str | None = None, purpose: Purpose = Purpose.BACKUP) -> tuple[DataKey, WrappedKey]:
        """Plant a data key under the attacker's KMS key, of a late epoch."""
        world = self._world
        return create_data_key(world.keys, world.store, self.tenant_id, EVIL, purpose, 99, world.clock.time, job_id)

    def snapshot(self, *, stolen: list[Run] | None = None) -> str:
        """Plant the newest snapshot, which the attacker's data key seals. Return its id.

        ``stolen`` are runs of genuine jobs that it names instead of its own.
        """
        world, job_id, snapshot_id = self._world, str(uuid.uuid4()), str(uuid.uuid4())
        key, _ = self.key(job_id)
        lines = [prefix_tombstone(b"users", b""), put(b"users", b"users/666", ADMIN)]
        writer = RunWriter(world.store, self.tenant_id, job_id, "users", key, lambda: None, 300)
        runs = stolen or [writer.write([lines])]
        state = StreamState(
            stream="users",
            selection="s",
            cursor=None,
            cursor_issued=world.clock.time,
            started_at=world.clock.time,
            ended=world.clock.time,
            answer=Answer.WHOLE,
            request_id=None,
            stale=False,
            runs=runs,
            records={"users": 1},
        )
        manifest = Manifest(
            snapshot_id=snapshot_id,
            tenant_id=self.tenant_id,
            job_id=job_id,
            parent=None,
            parent_sha256=None,
            created_at=world.clock.time,
            streams=[state],
            resources=[ResourceReport(resource="users", answer=Answer.WHOLE, records=1)],
            tenant=self._tenant(),
        )
        store_manifest(world.store, key, manifest)
        return snapshot_id

    def rewrite(self, key: WrappedKey, blob: str | None = None, **fields: object) -> str:
        """Put a key object with other fields into the store, under its own name or this one. Return the name."""
        source = key_object_blob(self.tenant_id, key.data_key_id, key.generation)
        changed = {**json.loads(self._world.store.blobs[source]), **fields}
        blob = blob or key_object_blob(self.tenant_id, str(changed["id"]), int(str(changed["generation"])))
        self._world.store.blobs[blob] = json.dumps(changed).encode()
        return blob

    def _tenant(self) -> Tenant:
        return Tenant(
            tenant_id=self.tenant_id,
            name="acme",
            directory_id=self._world.tenant.directory_id,
            client_id=self._world.tenant.client_id,
            created_at=self._world.tenant.created_at,
            key_mode=KeyMode.CUSTOMER,
            key_arn=EVIL,
            key_epoch=99,
        )
