"""Proof that a cleared chat is gone: every table, every page and every file, looked at without what was in it."""
