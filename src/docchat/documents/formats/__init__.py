"""Readers: bytes of a file to its parts (pages, slides, sheets, a flowing text), each a pure function."""

from .read import read, read_share

__all__ = ["read", "read_share"]
