"""What can go wrong on this machine, said so that a person can act on it."""


class LocalCloudError(Exception):
    """The local cloud cannot do what was asked; the message says what to do about it."""


class PortTakenError(LocalCloudError):
    """Another program listens on the port we were told to use."""


class DiskFullError(LocalCloudError):
    """The disk that holds the home folder is full."""


class EmulatorVersionError(LocalCloudError):
    """The installed emulator is not the one our seams were written against."""


class DeployError(LocalCloudError):
    """The template could not be deployed; the message carries the failed resources."""
