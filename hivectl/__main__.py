"""`python -m hivectl` is `hivectl`."""

from hivectl.cli.main import main

if __name__ == "__main__":
    main()
