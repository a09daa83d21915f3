"""A closer look at a tenant's key: what does not stop anything yet, and will."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.domain.errors import Alarm, EntrakeepError, KeyTrouble, Refuse
from shared.domain.key_health import NO_NEW_DATA_KEYS, KeyCondition, KeyWarning
from shared.domain.model import KeyMode, Purpose, Tenant, WrappedKey, encryption_context
from shared.ports.keys import KeyDescription, KeyService

EXPIRES_WITHIN = (1, 7, 30)
"""Days before imported key material expires: each is a warning of its own."""

_STATES = {
    "Disabled": ("disabled", "The KMS key {arn} is disabled. Its owner must enable it in AWS KMS."),
    "PendingImport": ("no-material", "The KMS key {arn} has no key material. Its owner must import it again."),
    "Unavailable": ("store-away", "The key store of the KMS key {arn} is disconnected. Its owner must connect it."),
}


def look(
    keys: KeyService, now: datetime, tenant: Tenant, wrapped: WrappedKey, held: KeyCondition
) -> list[KeyWarning] | None:
    """The warnings there are; None while KMS is in trouble, which says nothing about the key.

    What may be done is asked by dry runs, and not of a key that is refused whole. Whether a key may be looked at is for its
    owner to say: one that may not be gives no warning for it.
    """
    try:
        found = [*_seen(keys, now, wrapped.arn)]
        if held is KeyCondition.OK:
            found += _may(keys, tenant, wrapped)
    except KeyTrouble:
        return None
    return found


def _seen(keys: KeyService, now: datetime, arn: str) -> list[KeyWarning]:
    try:
        key = keys.describe(arn)
    except KeyTrouble:
        raise
    except EntrakeepError:
        return []
    found = [_of_state(key)] if key.state in _STATES else []
    if key.state in ("PendingDeletion", "PendingReplicaDeletion"):
        found.append(_deletion(key))
    if key.material_expires is not None and key.state == "Enabled":
        found += _expiring(key.arn, key.material_expires, now)
    return found


def _of_state(key: KeyDescription) -> KeyWarning:
    word, sentence = _STATES[key.state]
    return KeyWarning(warning=word, message=sentence.format(arn=key.arn))


def _deletion(key: KeyDescription) -> KeyWarning:
    on = f" on {key.deletion:%Y-%m-%d}" if key.deletion else ""
    return KeyWarning(
        warning="deletion",
        message=f"The KMS key {key.arn} will be deleted{on}, and with it all that it protects. Its owner must cancel the "
        "deletion before that and enable the key.",
        at=key.deletion,
    )


def _expiring(arn: str, at: datetime, now: datetime) -> list[KeyWarning]:
    days = next((days for days in EXPIRES_WITHIN if at - now <= timedelta(days=days)), None)
    if days is None:
        return []
    return [
        KeyWarning(
            warning=f"material-expires-{days}",
            message=f"The key material of the KMS key {arn} expires on {at:%Y-%m-%d}. Its owner must import it again "
            "before that.",
            at=at,
        )
    ]


def _may(keys: KeyService, tenant: Tenant, wrapped: WrappedKey) -> list[KeyWarning]:
    context = encryption_context(tenant.tenant_id, Purpose.BACKUP)
    found = _refused(
        lambda: keys.probe(tenant.key_arn, context),
        NO_NEW_DATA_KEYS,
        "What is stored can be opened, but KMS makes no new data keys: backups wait until it does.",
    )
    if tenant.key_mode is KeyMode.CUSTOMER:
        found += _refused(
            lambda: keys.probe_reencrypt(wrapped.arn, wrapped.wrapped, wrapped.context, wrapped.data_key_id),
            "no-way-out",
            "What is stored can be opened, but not be moved to another KMS key: kms:ReEncryptFrom or kms:ReEncryptTo is "
            "missing.",
        )
    return found


def _refused(ask: Callable[[], None], word: str, sentence: str) -> list[KeyWarning]:
    try:
        ask()
    except (Refuse, Alarm) as error:
        return [KeyWarning(warning=word, message=f"{sentence} {error.message}")]
    return []
