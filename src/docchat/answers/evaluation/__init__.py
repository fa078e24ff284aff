"""How good answers and retrieval are on sets of questions: the logic of `docchat eval`."""
