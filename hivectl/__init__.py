"""hivectl: Ansible for hardware labs."""

__version__ = "0.1.0"
__all__ = ["AuxHive", "Hive", "Node", "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hivectl.client.sync_hives import AuxHive, Hive
    from hivectl.client.sync_nodes import Node


def __getattr__(name: str) -> object:
    """Import what Python scripts use when they use it: commands start without it."""
    if name in ("AuxHive", "Hive"):
        from hivectl.client import sync_hives

        return getattr(sync_hives, name)
    if name == "Node":
        from hivectl.client.sync_nodes import Node

        return Node
    raise AttributeError(f"module 'hivectl' has no attribute {name!r}")
