"""The doctor: one file for each part of an installation that is looked at."""
