"""The Python face: `from hivectl import Hive, AuxHive, Node`, and the same for asyncio in `hivectl.aio`."""
