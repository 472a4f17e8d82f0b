"""`python -m client` is `sightline`."""

from client.cli import main

main()
