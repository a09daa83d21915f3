"""Enterprise key management: a tenant's data keys under a KMS key of its owner's own.

``policy`` says what the owner must allow, ``checks`` prove that it is so, ``terms`` are what is agreed to, ``change``
moves every data key, and ``proof`` shows that the key before opens nothing any more.
"""

from shared.engine.key_management.change import key_change_step
from shared.engine.key_management.checks import key_validation_step

__all__ = ["key_change_step", "key_validation_step"]
