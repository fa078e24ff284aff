"""`python -m docchat.server` is `docchat`."""

from .cli import main

if __name__ == "__main__":
    main()
