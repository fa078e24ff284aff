"""Readers: bytes of a file to its parts (pages, slides, sheets, a flowing text), each a pure function."""

from .read import read

__all__ = ["read"]
