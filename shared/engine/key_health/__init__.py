"""Key health: every tenant's KMS key is probed, and who must act hears of it before a backup fails."""

from shared.engine.key_health.probing import Probing
from shared.engine.key_health.rounds import Prober

__all__ = ["Prober", "Probing"]
