"""The HTTP face: who asks, what is refused, and the views by subject."""
