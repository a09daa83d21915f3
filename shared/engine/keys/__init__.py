"""The data keys that a process may use, and the rule that says which KMS keys to trust."""
