"""`python -m tapedeck_client` is `tapedeck`."""

from tapedeck_client.cli import main

if __name__ == "__main__":
    main()
