"""Parts of JSON values that may have any shape, because a client sent them."""


def mapping(value: object) -> dict[str, object]:
    """Return an object, or an empty one if the value is something else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[dict[str, object]]:
    """Return the objects in a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def strings(value: object) -> list[str]:
    """Return the texts in a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
