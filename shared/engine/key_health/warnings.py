"""A closer look at a tenant's key: find what does not stop backups yet, but will."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.domain.errors import Alarm, EntrakeepError, KeyTrouble, Refuse
from shared.domain.key_health import NO_NEW_DATA_KEYS, KeyCondition, KeyWarning
from shared.domain.key_states import advice_on, state_sentence
from shared.domain.kms_key import KeyDescription
from shared.domain.model import KeyMode, Purpose, Tenant, WrappedKey, encryption_context
from shared.ports.keys import KeyService

EXPIRES_WITHIN = (1, 7, 30)
"""Days before imported key material expires: each is a warning of its own."""


def find_warnings(
    keys: KeyService, now: datetime, tenant: Tenant, wrapped: WrappedKey, condition: KeyCondition
) -> list[KeyWarning] | None:
    """Return the present warnings, or None while KMS is in trouble, because trouble says nothing about the key.

    Permissions are tested by dry runs, only if the condition is OK. The owner may refuse DescribeKey; that gives no warning.
    """
    try:
        warnings = [*_look_at_description(keys, now, wrapped.arn)]
        if condition is KeyCondition.OK:
            warnings += _try_dry_runs(keys, tenant, wrapped)
    except KeyTrouble:
        return None
    return warnings


def _look_at_description(keys: KeyService, now: datetime, arn: str) -> list[KeyWarning]:
    """Return the warnings that DescribeKey gives; none if the key may not be described."""
    try:
        key = keys.describe(arn)
    except KeyTrouble:
        raise
    except EntrakeepError:
        return []
    warnings = _state_warnings(key)
    if key.material_expires is not None and key.state == "Enabled":
        warnings += _expiry_warnings(key.arn, key.material_expires, now)
    return warnings


def _state_warnings(key: KeyDescription) -> list[KeyWarning]:
    """Return a warning if the key's state prevents its use, or soon will."""
    word = advice_on(key.state).warning
    if word is None:
        return []
    return [KeyWarning(warning=word, message=state_sentence(key.arn, key.state, key.deletion), at=key.deletion)]


def _expiry_warnings(arn: str, expires_at: datetime, now: datetime) -> list[KeyWarning]:
    """Return a warning if the key material expires within the longest of ``EXPIRES_WITHIN``, named by the shortest."""
    days = next((days for days in EXPIRES_WITHIN if expires_at - now <= timedelta(days=days)), None)
    if days is None:
        return []
    return [
        KeyWarning(
            warning=f"material-expires-{days}",
            message=f"The key material of the KMS key {arn} expires on {expires_at:%Y-%m-%d}. Its owner must import it "
            "again before that.",
            at=expires_at,
        )
    ]


def _try_dry_runs(keys: KeyService, tenant: Tenant, wrapped: WrappedKey) -> list[KeyWarning]:
    """Return a warning for each operation that KMS would refuse, tested by dry runs."""
    context = encryption_context(tenant.tenant_id, Purpose.BACKUP)
    warnings = _warn_if_refused(
        lambda: keys.probe(tenant.key_arn, context),
        NO_NEW_DATA_KEYS,
        "What is stored can be opened, but KMS makes no new data keys: backups wait until it does.",
    )
    if tenant.key_mode is KeyMode.CUSTOMER:
        warnings += _warn_if_refused(
            lambda: keys.probe_reencrypt(wrapped.arn, wrapped.wrapped, wrapped.context, wrapped.data_key_id),
            "no-way-out",
            "What is stored can be opened, but not be moved to another KMS key: kms:ReEncryptFrom or kms:ReEncryptTo is "
            "missing.",
        )
    return warnings


def _warn_if_refused(dry_run: Callable[[], None], word: str, sentence: str) -> list[KeyWarning]:
    """Return the warning ``word`` with ``sentence`` if the dry run is refused, otherwise none."""
    try:
        dry_run()
    except (Refuse, Alarm) as error:
        return [KeyWarning(warning=word, message=f"{sentence} {error.message}")]
    return []
