"""How `make test` shares the tests among processes: by file, and the tier that drives whole clouds as one.

Each process has a Postgres, an emulator and an endpoint of its own, for conftest.py's sessions are its own.
"""

from xdist.scheduler import LoadFileScheduling

LOCAL = "tests/local/"


class Shares(LoadFileScheduling):
    """A file is one process's, for its fixtures' sake; so is all of tests/local, for its local cloud's."""

    def _split_scope(self, nodeid: str) -> str:
        return LOCAL if nodeid.startswith(LOCAL) else super()._split_scope(nodeid)
