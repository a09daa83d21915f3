"""Backup: read every stream, read what changed meanwhile, merge runs, then commit one snapshot."""

from shared.engine.backup.commit import commit_step
from shared.engine.backup.compact import compact_step
from shared.engine.backup.read import read_step

__all__ = ["commit_step", "compact_step", "read_step"]
