"""`python -m client` is `sightline`."""

import sys

from client.cli import run

status = run(sys.argv[1:])
# CPython ends `python -m` by SIGINT where an interrupt once came amid an exec() of a text (dataclasses make
# their methods so), although it was handled and the status is another; the next exec() forgets it.
exec("")  # noqa: S102 - executes nothing
sys.exit(status)
