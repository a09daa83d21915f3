"""Access to the console: signing in, confirming, invitations, roles and tokens."""
