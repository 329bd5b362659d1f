"""The rules of leases, without I/O."""
