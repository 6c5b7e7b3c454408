"""Compares what our adapters write and read with what an environment's `$metadata` has."""

from shared.dynamics.metadata.compare import compare
from shared.dynamics.metadata.csdl import MetadataReader, UnreadableMetadata, read_metadata
from shared.dynamics.metadata.findings import Change, Finding, Severity
from shared.dynamics.metadata.model import Metadata

__all__ = [
    "Change",
    "Finding",
    "Metadata",
    "MetadataReader",
    "Severity",
    "UnreadableMetadata",
    "compare",
    "read_metadata",
]
