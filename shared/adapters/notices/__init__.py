"""Send notices to targets: mail and chat through apprise, webhooks with a signature."""

from shared.adapters.notices.sending import TargetSender

__all__ = ["TargetSender"]
