"""Enterprise key management: a tenant's data keys under its owner's own KMS key.

``policy`` is what the owner must allow, ``checks`` and ``trials`` prove that it is allowed, and ``terms`` are what the owner
agrees to. ``change`` moves every data key, and ``proof`` shows that the previous key opens nothing any more.
"""
