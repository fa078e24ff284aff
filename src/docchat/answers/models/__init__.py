"""Language models: what an answer asks of them, and who speaks to their servers."""
