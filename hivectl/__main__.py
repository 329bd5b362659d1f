"""`python -m hivectl` is `hivectl`."""

from hivectl.cli.main import run

if __name__ == "__main__":
    run()
