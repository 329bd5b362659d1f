"""hivectl: Ansible for hardware labs."""

__version__ = "0.1.0"
