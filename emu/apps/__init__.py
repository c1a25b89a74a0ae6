"""Programs for pods: ping, traceroute, HTTP, echo. Each is `async def` code on asyncio, run by `emu.aio.process.spawn`."""
