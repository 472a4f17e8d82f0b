"""TCP ports on 127.0.0.1."""

import errno
import socket

from local_cloud.errors import PortTakenError


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """True when nothing listens on the port and we may."""
    try:
        require_free(port, purpose="", option="")
    except PortTakenError:
        return False
    return True


def require_free(port: int, *, purpose: str, option: str) -> None:
    """Raises: PortTakenError, naming what wanted the port and the option that picks another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "is taken by another program" if error.errno == errno.EADDRINUSE else "may not be used"
            raise PortTakenError(
                f"Port {port} on 127.0.0.1, wanted for {purpose}, {why}. "
                f"Stop that program, or choose another port with {option}."
            ) from error


def answers(port: int, *, timeout_s: float = 0.2) -> bool:
    """True when something accepts connections on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s):
            return True
    except OSError:
        return False
