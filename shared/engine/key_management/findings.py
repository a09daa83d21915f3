"""Rules for the answer of DescribeKey: is the key of the right kind, in the right state, and what should its owner know?

(AWS KMS API Reference, KeyMetadata; KMS developer guide, "Key states of AWS KMS keys".)
"""

from shared.domain.key_states import state_sentence
from shared.domain.kms_key import KeyDescription


def wrong_kind(key: KeyDescription, provider_arn: str) -> str | None:
    """Return why a key of this kind cannot be used, or None if it can. ``provider_arn`` is the operator's own key."""
    if key.arn == provider_arn:
        return "The key is the operator's own; a key of the directory's owner is needed."
    if key.manager != "CUSTOMER":
        return "The key is managed by AWS and cannot be shared; a customer managed key is needed."
    if key.spec != "SYMMETRIC_DEFAULT" or key.usage != "ENCRYPT_DECRYPT":
        return f"The key is one of {key.spec} for {key.usage}; a symmetric encryption key is needed."
    return None


def wrong_state(key: KeyDescription) -> str | None:
    """Return why a key in this state cannot be used, or None if it can."""
    return None if key.state == "Enabled" else state_sentence(key.arn, key.state, key.deletion)


def matters_to_know(key: KeyDescription) -> str:
    """Return what may surprise the owner of a usable key, as sentences; empty if nothing does."""
    sentences = []
    if key.material_expires is not None:
        day = f"{key.material_expires:%Y-%m-%d}"
        sentences.append(f"Its key material expires on {day}: import it again before, or everything stops.")
    if key.origin in ("AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"):
        sentences.append("It lives in a key store of its own: backups stop when that does not answer.")
    others = [arn for arn in key.related if arn != key.arn]
    if key.related:
        listed = f" The others: {', '.join(others)}." if others else ""
        sentences.append(f"It is a multi-Region key; its replicas are separate: revoke each.{listed}")
    return " ".join(sentences)
