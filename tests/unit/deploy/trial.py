"""The settings of the trial with passwords, and the services under these settings."""

from tests.compose import TOP, read_settings, services

PASSWORDS = (
    "POSTGRES_PASSWORD",
    "POSTGRES_OWNER_PASSWORD",
    "POSTGRES_USER_PASSWORD",
    "POSTGRES_CONSOLE_PASSWORD",
    "REDIS_PASSWORD",
    "FLOWER_PASSWORD",
)
TRIAL = read_settings((TOP / "deploy" / "trial.env").read_text()) | {name: f"secret-{name}" for name in PASSWORDS}
ALL = services(TRIAL)
OURS = sorted(set(ALL) - {"redis", "postgres"})
