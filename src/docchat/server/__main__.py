"""`python -m docchat.server` is `docchat`."""

from .cli import main

main()
