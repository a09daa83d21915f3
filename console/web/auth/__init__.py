"""Signing in, confirming, invitations and the first set-up."""
