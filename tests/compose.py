"""Read docker-compose.yml as compose does with a file of settings: with variables substituted, one service at a time."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).resolve().parents[1]
FILE = TOP / "docker-compose.yml"
_VARIABLE = re.compile(r"\$(?:(\$)|\{([A-Z_]+)(?:(:-|:\?)([^}]*))?\})")


class Missing(Exception):
    """A required variable has no value. The text is the sentence in the file."""


def services(settings: Mapping[str, str]) -> dict[str, Any]:
    """Return every service by name. Raise Missing if a required variable has no value."""
    document: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]
    return {name: _filled(service, settings) for name, service in document.items()}


def environment(service: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a container of the service. A name without a value gets its value from the settings."""
    declared = service.get("environment", {})
    values = {name: settings.get(name) if value is None else str(value) for name, value in declared.items()}
    return {name: value for name, value in values.items() if value is not None}


def read_settings(text: str) -> dict[str, str]:
    """Return the variables of a file such as .env."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def variables(text: str) -> dict[str, str | None]:
    """Return each variable that a text names as ``${…}``, with its default."""
    return {name: default if how == ":-" else None for _, name, how, default in _VARIABLE.findall(text) if name}


def _filled(value: Any, settings: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, settings) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, settings) for each in value]
    return _VARIABLE.sub(lambda found: _value(found, settings), value) if isinstance(value, str) else value


def _value(match: "re.Match[str]", settings: Mapping[str, str]) -> str:
    dollar, name, how, text = match.groups()
    if dollar:
        return "$"
    if settings.get(name):
        return settings[name]
    if how == ":-":
        return str(text)
    raise Missing(text or name)
