"""Enterprise key management: a tenant's data keys under its owner's own KMS key.

``policy`` is what the owner must allow, ``checks`` and ``trials`` prove that it is allowed, and ``terms`` are what the owner
agrees to. ``change`` moves every data key, and ``proof`` shows that the previous key opens nothing any more.
"""

from shared.engine.key_management.change import key_change_step
from shared.engine.key_management.checks import key_validation_step

__all__ = ["key_change_step", "key_validation_step"]
