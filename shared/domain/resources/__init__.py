"""The one declarative table of what is protected: a module per family of resources."""

from shared.domain.resources.table import Reading, Relation, Resource, Stream

__all__ = ["Reading", "Relation", "Resource", "Stream"]
