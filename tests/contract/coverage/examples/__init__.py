"""Examples of every resource, as Graph shows them: what to load into the simulator, by family of the table."""

import importlib
import pkgutil
from collections.abc import Iterator

from tests.contract.coverage.example import Example


def all_examples() -> Iterator[Example]:
    """Yield the examples of all modules: objects first, then what belongs to them."""
    modules = (importlib.import_module(f"{__name__}.{each.name}") for each in pkgutil.iter_modules(__path__))
    examples = [example for module in modules for example in module.EXAMPLES]
    yield from sorted(examples, key=lambda example: example.depth)
