"""The parts that every exported script has in common."""

from __future__ import annotations

PREAMBLE = r"""set -euo pipefail

# Under `emu sh` the machine is emulated. Elsewhere this keeps to network and mount namespaces of its own, so that nothing of the host changes
# and all is gone at the end.
if [ ! -S /run/emu/socket ] && [ -z "${IN_OWN_NAMESPACES:-}" ]; then
    machine=$(readlink /proc/1/ns/net || true)
    if [ -z "$machine" ] || [ "$machine" = "$(readlink /proc/self/ns/net)" ]; then
        [ -f "$0" ] || { echo "save this script to a file first, then run it" >&2; exit 2; }
        modprobe -qa br_netfilter vxlan 2> /dev/null || true
        as_root=; [ "$(id -u)" = 0 ] || as_root=--map-root-user
        IN_OWN_NAMESPACES=yes exec unshare $as_root --net --mount bash -c 'mount -t tmpfs tmpfs /run && mkdir /run/netns && exec bash "$0" "$@"' "$0" "$@"
    fi
fi
run=$(mktemp -d)
declare -A server=()
trap 'kill "${server[@]}" 2> /dev/null || true; rm -rf "$run"' EXIT
"""

FUNCTIONS = {
    "on": r"""# on MACHINE <<'EOF': run these commands there.
on() { ip netns exec "$1" bash -e; }
""",
    "forwarding": r"""# forwarding NETNS PORT: wait until the bridge there forwards on the port. (The CNI plugin does the same.)
forwarding() {
    local look
    for look in {1..50}; do
        sleep 0.1
        if bridge -n "$1" link show dev "$2" | grep -q "state forwarding"; then return; fi
    done
    echo "$1: port $2 does not forward" >&2
    return 1
}
""",
    "start": r"""# start NETNS PROGRAM PORT [OPTION...]: start a server (python3 -m emu.apps.PROGRAM) there, and go on when it listens.
start() {
    local name=$1:$3
    ip netns exec "$1" python3 -m "emu.apps.$2" "${@:3}" > "$run/$name" &
    server[$name]=$!
    until grep -qs listening "$run/$name"; do
        kill -0 "${server[$name]}"
        sleep 0.05
    done
}
""",
    "serve": r"""# serve NETNS PORT: an HTTP server. Its /ready says 200 as long as the file is there.
serve() {
    touch "$run/$1.ready"
    start "$1" http_server "$2" --hostname "$1" --ready-file "$run/$1.ready"
}
""",
    "stop": r"""# stop NETNS:PORT: kill that server.
stop() {
    kill "${server[$1]}"
    wait "${server[$1]}" 2> /dev/null || true
    unset "server[$1]"
    rm "$run/$1"
}
""",
    "get": r"""# get NETNS URL [--timeout SECONDS] [--count N]: ask by HTTP, from there.
get() { ip netns exec "$1" python3 -m emu.apps.http_client "${@:2}"; }
""",
    "probe": r"""# probe NETNS URL: ask as a kubelet does.
probe() { ip netns exec "$1" python3 -m emu.apps.probe "${@:2}"; }
""",
    "fails": r"""# fails COMMAND...: the command fails, as the story tells.
fails() { if "$@"; then echo "this should have failed: $*" >&2; return 1; fi; }
""",
}

# A plain switch: frames only, no rules.
BRIDGE = """\
ip -n {switch} link add br0 type bridge
ip -n {switch} link set br0 up
ip netns exec {switch} sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-arptables=0"""
