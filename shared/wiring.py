"""The one place where ports meet adapters. Adapters are imported inside the function that builds them."""

from shared import config


def settings() -> config.Settings:
    """The settings. Raises Refuse ``SETTINGS_INVALID`` naming every missing or wrong one."""
    return config.read_settings()


def child_environment() -> dict[str, str]:
    """The environment for the processes that ``up`` and the demo start."""
    return config.child_environment(config.read_settings())
