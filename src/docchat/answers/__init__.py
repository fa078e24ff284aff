"""Answers: from a question to quoted or written text with citations, run outside the request."""
