"""Story 1: two containers of one pod, one namespace, localhost."""

from __future__ import annotations

import asyncio
import errno

from emu.lab import Container, programs
from emu.scenarios.story import Story


async def sleeper(container: object) -> None:
    """A container that only waits to be used."""
    await asyncio.Event().wait()


def tell(story: Story) -> None:
    """Run it."""
    story.tell("""A pod is a network namespace, owned by the pause container, that its other containers join. They share one loopback, one eth0, one
        address and one set of ports. Here pod `pair` has two containers: `web` serves HTTP on port 8080, `tool` asks it over localhost.""")
    cluster = story.cluster(nodes=1)
    pair = cluster.run_pod("pair", containers=[Container("web", program=programs.http(8080)), Container("tool", program=sleeper)])
    web, tool = pair.container("web"), pair.container("tool")

    reply = tool.http_get("http://127.0.0.1:8080/hostname")
    story.show(reply.trace)
    devices = sorted({f"{hop.netns}.{hop.dev}" for hop in reply.trace.hops})
    story.claim(f"`tool` got {reply.body!r} from `web` over localhost", reply.ok and reply.body == "pair")
    story.claim(f"nothing left the pod: the exchange touched {', '.join(devices)} only", devices == ["pair.lo"])

    story.tell("The pod's own address is local too: the kernel sends it over lo, not over eth0.")
    own = tool.http_get(f"http://{pair.ip}:8080/hostname")
    story.show(own.trace, table=False)
    own_devices = sorted({f"{hop.netns}.{hop.dev}" for hop in own.trace.hops})
    story.claim(f"{pair.ip}:8080, asked from inside, touched {', '.join(own_devices)} only", own.ok and own_devices == ["pair.lo"])

    story.tell("One set of ports: a second server on 8080, in the other container, is refused by the kernel.")
    second = tool.run(asyncio.start_server(lambda reader, writer: None, "0.0.0.0", 8080), "bind 0.0.0.0:8080", "python3 -m emu.apps.http_server 8080")
    code = getattr(second.result, "errno", None)
    story.claim(f"the second bind of port 8080 failed with {errno.errorcode.get(code or 0, 'no error')}", code == errno.EADDRINUSE)

    story.tell("A container that restarts joins the same namespace again: same address, same veth, same MAC.")
    before = (pair.ip, pair.mac, pair.host_device, pair.netns)
    web.restart()
    after = (pair.ip, pair.mac, pair.host_device, pair.netns)
    again = tool.http_get("http://127.0.0.1:8080/hostname")
    story.show(again.trace, table=False)
    story.claim(f"after restart {web.restarts} of `web` the pod still has {pair.ip} and {pair.mac}", before == after and web.restarts == 1)
    story.claim(f"`web` answers again: {again.body!r}", again.ok and again.body == "pair")
    story.verdict(f"""two containers share {pair.ip} and port space; {len(reply.trace.hops)} device visits, all on {', '.join(devices)};
        the second bind got {errno.errorcode.get(code or 0, 'no error')}; a container restart kept the address""")
