"""The one declarative table of what is protected: a module per family of resources."""

from shared.domain.resources.table import RESOURCES, STREAMS, Relation, Resource, Stream

__all__ = ["RESOURCES", "STREAMS", "Relation", "Resource", "Stream"]
