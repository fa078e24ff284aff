"""The promise of clear, C1 to C15: every line of it tried at the API and underneath, on both engines."""
