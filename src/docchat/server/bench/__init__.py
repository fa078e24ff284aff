"""The benchmark: docchat, its peers and the machine's own limits, measured side by side in one run."""
