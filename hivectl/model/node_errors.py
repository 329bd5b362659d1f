"""Why a node could not be reached or did not do what it was asked: one class for each cause.

They stand this low since the helper's protocol raises them too; drivers know them as `hivectl.drivers.errors`.
"""

from __future__ import annotations

from hivectl.model.errors import ExitCode, HivectlError, InputError


class NodeError(HivectlError):
    """Something about one node."""


class NodeSettingsError(InputError):
    """What the inventory says of a node's connection cannot be used: nothing can be done there until it is mended."""


class UnreachableError(NodeError):
    """The node cannot be reached; the leaves say why."""

    exit_code = ExitCode.UNREACHABLE


class AddressError(UnreachableError):
    """The node's name could not be resolved, or nothing listens there."""


class ProxyCommandError(UnreachableError):
    """The program that shall lead to the node does not."""


class ConnectTimeoutError(UnreachableError):
    """The node accepted nothing, or accepted and said nothing, within the time."""


class HostKeyError(UnreachableError):
    """The node's host key is unknown or is not the known one."""


class HandshakeError(UnreachableError):
    """Both sides speak, but agree on no algorithm, or one of them speaks nonsense."""


class LoginError(UnreachableError):
    """The node refused the login."""


class NotStartedError(UnreachableError):
    """The node is a virtual device, and this machine cannot start it: to wait for it is of no use."""


class ConnectionLostError(UnreachableError):
    """An open connection broke."""


class CapabilityError(NodeError):
    """No connection of the node can do what was asked."""


class BecomeError(NodeError):
    """Another user's rights could not be had."""


class HelperError(NodeError):
    """The helper on the node could not start or spoke nonsense."""


class FenceError(NodeError):
    """Somebody else holds the node: nothing more may be sent to it."""

    exit_code = ExitCode.NOT_RESERVED


class OperationTimeoutError(NodeError):
    """The node did not finish in the time that the task gives it."""


class OutputError(NodeError):
    """A command wrote more than can be kept."""


class StreamError(NodeError):
    """A byte stream at a node cannot be opened."""


class NoPortError(StreamError):
    """There is no such serial port."""


class PortInUseError(StreamError):
    """Another program has the serial port."""


class RemoteCallError(NodeError):
    """What a node was asked in Python raised an exception there, or there is no Python that could carry it out."""
