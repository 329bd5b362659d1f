"""`Hive`, `AuxHive` and `Node` for asyncio: `async with Hive("hive1") as hive: await hive.m1("uname -a")`."""

from hivectl.client.hives import AsyncAuxHive as AuxHive
from hivectl.client.hives import AsyncHive as Hive
from hivectl.client.nodes import AsyncNode as Node

__all__ = ["AuxHive", "Hive", "Node"]
