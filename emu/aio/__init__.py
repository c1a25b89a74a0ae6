"""asyncio on virtual time over emulated sockets: programs in pods are ordinary `async def` code."""
