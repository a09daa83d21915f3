"""The installation's data key: it protects a pair of keys, whose public half seals notice targets.

The provider key wraps the data key under the encryption context ``{purpose: installation}``. So targets open while a
tenant's own key is refused. The public half stands in SQL: the console and the command line seal with it, and cannot open.
"""

import logging
import threading

from shared.domain.audit import INSTALLATION
from shared.domain.errors import Alarm, Code, EntrakeepError
from shared.domain.limits import Limits
from shared.domain.model import INSTALLATION_CONTEXT, Purpose, Sealed, WrappedKey
from shared.domain.secret import Secret
from shared.ports.catalog.database import Catalog
from shared.ports.catalog.notices import InstallationKey
from shared.ports.clock import Clock
from shared.ports.keys import KeyService
from shared.vault.keyring import DataKey, unwrap
from shared.vault.recipients import new_identity, open_with, recipient_in
from shared.vault.sealing import Kind, open_row, seal_row

log = logging.getLogger(__name__)


class InstallationKeyring:
    """Opens what was sealed to the installation's public key. Each private key is kept for one lease."""

    def __init__(
        self, catalog: Catalog, keys: KeyService, clock: Clock, provider_key: str, lease_seconds: float
    ) -> None:
        self._catalog = catalog
        self._keys = keys
        self._clock = clock
        self._provider_key = provider_key
        self._lease_seconds = lease_seconds
        self._opened: dict[str, tuple[Secret, float]] = {}
        self._lock = threading.Lock()

    def publish(self, limits: Limits) -> float:
        """Make sure that SQL has a public key of the provider key, and that it is the right one.

        Return the seconds until the next time. Raise what the catalog raises.
        """
        try:
            self.ensure()
        except Alarm as alarm:
            log.error("notice targets: %s Somebody may have changed the database.", alarm.message)
        except EntrakeepError as error:
            log.warning("the installation's data key cannot be used, the next round retries: %s", error)
            return limits.identity_retry_seconds
        return limits.identity_seconds

    def ensure(self) -> None:
        """Store a new data key unless the newest is of the provider key, and check that one.

        Raise Alarm ``BLOB_DAMAGED``, and what the key service and the catalog raise.
        """
        newest = self._catalog.installation_keys().newest()
        if newest is None or newest.arn != self._provider_key:
            self._catalog.installation_keys().add(self._new())
        else:
            self._identity_of(newest)

    def open(self, data_key_id: str, sealed: bytes) -> bytes:
        """Return what was sealed to the public key of this data key.

        Raise Alarm ``BLOB_DAMAGED``, and what the key service and the catalog raise.
        """
        with self._lock:
            identity = self._cached(data_key_id)
        if identity is None:
            key = self._catalog.installation_keys().get(data_key_id)
            if key is None:
                raise Alarm(Code.BLOB_DAMAGED, "The data key of a notice target is missing.", "notice target")
            identity = self._identity_of(key)
        return open_with(identity, sealed)

    def _cached(self, data_key_id: str) -> Secret | None:
        """Return the private key if its lease lasts. Forget all whose lease has ended."""
        now = self._clock.monotonic()
        self._opened = {name: each for name, each in self._opened.items() if now < each[1]}
        opened = self._opened.get(data_key_id)
        return None if opened is None else opened[0]

    def _identity_of(self, key: InstallationKey) -> Secret:
        """Return the private key, and keep it for one lease. Raise Alarm if the public key in SQL is another one."""
        until = self._clock.monotonic() + self._lease_seconds
        data_key = unwrap(self._keys, _wrapped(key))
        try:
            sealed = Sealed(row_id=key.data_key_id, data_key_id=key.data_key_id, data=key.identity)
            identity = Secret(open_row(lambda _: data_key, INSTALLATION, Kind.SECRET, sealed))
        finally:
            data_key.drop()
        if recipient_in(identity) != key.recipient:
            raise Alarm(
                Code.BLOB_DAMAGED, "The installation's public key is not that of its private key.", "notice target"
            )
        with self._lock:
            self._opened[key.data_key_id] = (identity, until)
        return identity

    def _new(self) -> InstallationKey:
        """Return a new data key with a new pair of keys."""
        fresh = self._keys.generate(self._provider_key, INSTALLATION_CONTEXT)
        data_key = DataKey(fresh.plaintext)
        try:
            recipient, identity = new_identity()
            sealed = seal_row(data_key, INSTALLATION, Kind.SECRET, data_key.id, identity.reveal())
        finally:
            data_key.drop()
        return InstallationKey(
            data_key_id=data_key.id,
            arn=fresh.arn,
            wrapped=fresh.wrapped,
            recipient=recipient,
            identity=sealed.data,
            created_at=self._clock.now(),
        )


def _wrapped(key: InstallationKey) -> WrappedKey:
    """Return the data key as KMS wrapped it."""
    return WrappedKey(
        data_key_id=key.data_key_id,
        purpose=Purpose.INSTALLATION,
        arn=key.arn,
        generation=1,
        key_epoch=1,
        context=INSTALLATION_CONTEXT,
        wrapped=key.wrapped,
        created_at=key.created_at,
    )
