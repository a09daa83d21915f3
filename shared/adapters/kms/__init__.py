"""Use AWS KMS as the key service."""

from shared.adapters.kms.answers import meaning
from shared.adapters.kms.service import AwsKeys

__all__ = ["AwsKeys", "meaning"]
