"""The standalone server: accounts, sign-in pages, and the command line."""
