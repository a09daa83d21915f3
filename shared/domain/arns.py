"""ARNs of KMS keys: their form, and how to recognise another cloud's keys (KMS developer guide, "Key identifiers")."""

import re
import unicodedata

from shared.domain.errors import Code, Refuse

_KEY = r"key/(?:mrk-)?(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_ARN = re.compile(
    rf"arn:aws[a-z-]*:kms:[a-z]{{2,}}(?:-[a-z0-9]+)+:[0-9]{{12}}:(?:{_KEY}|alias/[A-Za-z0-9/_-]{{1,250}})"
)
_AZURE = re.compile(
    r"https?://[^/]*\.(?:vault|managedhsm)\.(?:azure\.(?:net|cn)|usgovcloudapi\.net)|/subscriptions/", re.I
)
_GOOGLE = re.compile(
    r"(?:gcp-kms://|//cloudkms\.googleapis\.com/)?projects/[^/]+/locations/|cloudkms\.googleapis", re.I
)

PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:root|(?:role|user)/[\w+=,.@/-]+)")
"""The ARN of a role or user, or of a whole account."""


_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Unicode categories of spaces, line breaks and marks without a shape, which no ARN contains."""


def clean_arn(text: str) -> str:
    """Return the ARN without the spaces, line breaks and invisible marks that come with a copied text."""
    return "".join(c for c in text if unicodedata.category(c) not in _INVISIBLE)


def check_form(arn: str) -> None:
    """Raise Refuse ``KEY_INVALID`` unless this is the ARN of an AWS KMS key, or of an alias of one."""
    for cloud, pattern in (("Azure Key Vault", _AZURE), ("Google Cloud KMS", _GOOGLE)):
        if pattern.search(arn):
            raise Refuse(Code.KEY_INVALID, f"This is a key of {cloud}; only keys of AWS KMS can be used.")
    if not _ARN.fullmatch(arn):
        raise Refuse(
            Code.KEY_INVALID, "This is not the ARN of an AWS KMS key. Copy it from the key's page in the KMS console."
        )


def region_of(arn: str) -> str:
    """Return the Region in an ARN."""
    return arn.split(":")[3]


def account_of(arn: str) -> str:
    """Return the account in an ARN."""
    return arn.split(":")[4]


def is_key_arn(arn: str) -> bool:
    """Return True if this is the ARN of an AWS KMS key, or of an alias of one."""
    return _ARN.fullmatch(arn) is not None


def is_alias(arn: str) -> bool:
    """Return True if the ARN names an alias and not a key."""
    return arn.split(":")[5].startswith("alias/")
