"""Why a node could not be reached or did not do what it was asked; see `hivectl.model.node_errors`."""

from __future__ import annotations

from hivectl.model.node_errors import (
    AddressError,
    BecomeError,
    CapabilityError,
    ConnectionLostError,
    ConnectTimeoutError,
    FenceError,
    HandshakeError,
    HelperError,
    HostKeyError,
    LoginError,
    NodeError,
    NoPortError,
    NotStartedError,
    OperationTimeoutError,
    OutputError,
    PortInUseError,
    ProxyCommandError,
    StreamError,
    UnreachableError,
)

__all__ = [
    "AddressError",
    "BecomeError",
    "CapabilityError",
    "ConnectTimeoutError",
    "ConnectionLostError",
    "FenceError",
    "HandshakeError",
    "HelperError",
    "HostKeyError",
    "LoginError",
    "NoPortError",
    "NodeError",
    "NotStartedError",
    "OperationTimeoutError",
    "OutputError",
    "PortInUseError",
    "ProxyCommandError",
    "StreamError",
    "UnreachableError",
]
