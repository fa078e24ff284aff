"""What ties an answer to its sources: marks, and whether they hold."""
