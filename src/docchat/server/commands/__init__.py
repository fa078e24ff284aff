"""The commands of `docchat`, one file a subject."""
