"""Key health: probe every tenant's KMS key, and notify the people who must act before a backup fails."""

from shared.engine.key_health.probing import Probing
from shared.engine.key_health.rounds import Prober

__all__ = ["Prober", "Probing"]
