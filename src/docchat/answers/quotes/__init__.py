"""Answers without a model: sentences of the passages, quoted."""
