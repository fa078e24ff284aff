"""Documents: the library of each owner, from an uploaded file to passages that a search finds."""
