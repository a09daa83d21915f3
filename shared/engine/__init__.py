"""Use cases: one module or package for each verb, such as backup, verify and shred."""
