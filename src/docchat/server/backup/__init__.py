"""Backup and restore: content, keys and the log of clears, each apart from the others, the same for every engine."""
