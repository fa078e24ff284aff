"""The keys of sessions, kept apart from what they seal."""
