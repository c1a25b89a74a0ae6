#!/bin/bash
# node-to-pod: An agent on a node reaches every pod of the node.
#
# Written by `emu export node-to-pod`. There are two ways to run it:
# emu sh FILE: on the emulated network. No root is needed, waiting takes no time, and every interface is captured.
# bash FILE: on Linux, as root (or as a user who may make namespaces), in namespaces of its own. It takes iproute2,
# iptables, ping, and a python3 that has emu: `pip install` it, or set PYTHONPATH to its folder.
set -euo pipefail
# expect: status 0
# expect: output 1 received
# expect: output ^10.244.1.1:
# expect: no output 0 received
# expect: web-2.eth0 rx tcp p\d+>8080 PA
# expect: node1.cbr0 rx icmp echo request = 6

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

# on MACHINE <<'EOF': run these commands there.
on() { ip netns exec "$1" bash -e; }
# forwarding NETNS PORT: wait until the bridge there forwards on the port. (The CNI plugin does the same.)
forwarding() {
    local look
    for look in {1..50}; do
        sleep 0.1
        if bridge -n "$1" link show dev "$2" | grep -q "state forwarding"; then return; fi
    done
    echo "$1: port $2 does not forward" >&2
    return 1
}
# start NETNS PROGRAM PORT [OPTION...]: start a server (python3 -m emu.apps.PROGRAM) there, and go on when it listens.
start() {
    local name=$1:$3
    ip netns exec "$1" python3 -m "emu.apps.$2" "${@:3}" > "$run/$name" &
    server[$name]=$!
    until grep -qs listening "$run/$name"; do
        kill -0 "${server[$name]}"
        sleep 0.05
    done
}
# serve NETNS PORT: an HTTP server. Its /ready says 200 as long as the file is there.
serve() {
    touch "$run/$1.ready"
    start "$1" http_server "$2" --hostname "$1" --ready-file "$run/$1.ready"
}
# get NETNS URL [--timeout SECONDS] [--count N]: ask by HTTP, from there.
get() { ip netns exec "$1" python3 -m emu.apps.http_client "${@:2}"; }

# ----------------------------------------------------------------------------------------------------------------------
# The kubelet probes pods, log collectors scrape them, daemons serve them: an agent on a node must reach all pods of
# that node, and they must reach it. The node has an address of its own on cbr0, the pods' gateway; nothing is routed,
# and no NAT is needed.
# ----------------------------------------------------------------------------------------------------------------------

# The machines, each a network namespace, and the switch between them, a bridge in a namespace of its own.
for machine in switch node1; do ip netns add $machine; done
ip -n switch link add br0 type bridge
ip -n switch link set br0 up
ip netns exec switch sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-arptables=0
# The cables.
ip link add eth0 netns node1 address 9a:87:74:ac:7f:8b type veth peer name p3 netns switch address b2:72:55:97:8a:99
ip -n switch link set p3 master br0 up

# node1: its own address, the way out, forwarding for its pods
on node1 <<'EOF'
ip link set lo up
ip addr add 192.168.0.2/16 dev eth0
ip link set eth0 up
sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip route add default via 192.168.0.1 dev eth0
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.bridge.bridge-nf-call-iptables=1
EOF

# kubelet on node1: its chains; packets that claim to be from localhost and are not are dropped
on node1 <<'EOF'
iptables-restore --noflush <<'RULES'
*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
COMMIT
*nat
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
RULES
iptables -t filter -I INPUT -j KUBE-FIREWALL
iptables -t filter -I OUTPUT -j KUBE-FIREWALL
EOF

# CNI bridge plugin on node1: cbr0, the pods' bridge and their gateway 10.244.1.1
on node1 <<'EOF'
ip link add cbr0 address 7a:39:8e:ad:df:e0 type bridge
ip link set cbr0 mtu 1500
ip link set cbr0 up
sysctl -qw net/ipv4/neigh/cbr0/delay_first_probe_time=600 net/ipv4/neigh/cbr0/base_reachable_time_ms=1800000
ip addr add 10.244.1.1/24 dev cbr0
ip link set cbr0 address 7a:39:8e:ad:df:e0
sysctl -qw net.ipv4.ip_forward=1
EOF

# kube-proxy on node1: node ports answer on localhost too
ip netns exec node1 sysctl -qw net.ipv4.conf.all.route_localnet=1

# kube-proxy on node1: first sync: its chains, and the jumps to them from the built-in ones
on node1 <<'EOF'
iptables -t filter -N KUBE-EXTERNAL-SERVICES
iptables -t filter -I INPUT -m conntrack --ctstate NEW -m comment --comment 'kubernetes externally-visible service portals' -j KUBE-EXTERNAL-SERVICES
iptables -t filter -I FORWARD -m conntrack --ctstate NEW -m comment --comment 'kubernetes externally-visible service portals' -j KUBE-EXTERNAL-SERVICES
iptables -t filter -N KUBE-NODEPORTS
iptables -t filter -I INPUT -m comment --comment 'kubernetes health check service ports' -j KUBE-NODEPORTS
iptables -t filter -N KUBE-SERVICES
iptables -t filter -I FORWARD -m conntrack --ctstate NEW -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES
iptables -t filter -I OUTPUT -m conntrack --ctstate NEW -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES
iptables -t filter -N KUBE-FORWARD
iptables -t filter -I FORWARD -m comment --comment 'kubernetes forwarding rules' -j KUBE-FORWARD
iptables -t filter -N KUBE-PROXY-FIREWALL
iptables -t filter -I INPUT -m conntrack --ctstate NEW -m comment --comment 'kubernetes load balancer firewall' -j KUBE-PROXY-FIREWALL
iptables -t filter -I OUTPUT -m conntrack --ctstate NEW -m comment --comment 'kubernetes load balancer firewall' -j KUBE-PROXY-FIREWALL
iptables -t filter -I FORWARD -m conntrack --ctstate NEW -m comment --comment 'kubernetes load balancer firewall' -j KUBE-PROXY-FIREWALL
iptables -t nat -N KUBE-SERVICES
iptables -t nat -I OUTPUT -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES
iptables -t nat -I PREROUTING -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES
iptables -t nat -N KUBE-POSTROUTING
iptables -t nat -I POSTROUTING -m comment --comment 'kubernetes postrouting rules' -j KUBE-POSTROUTING
iptables -t mangle -N KUBE-PROXY-CANARY
iptables -t nat -N KUBE-PROXY-CANARY
iptables -t filter -N KUBE-PROXY-CANARY
EOF

# kube-proxy on node1: sync: no Services yet
ip netns exec node1 iptables-restore --noflush --counters <<'EOF'
*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-FIREWALL - [0:0]
-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x00004000/0x00004000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# ip-masq-agent on node1: what leaves the cluster gets the node's address
on node1 <<'EOF'
iptables-restore --noflush <<'RULES'
*nat
:IP-MASQ-AGENT - [0:0]
-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -d 169.254.0.0/16 -j RETURN
-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -d 10.0.0.0/8 -j RETURN
-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -d 172.16.0.0/12 -j RETURN
-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: local traffic is not subject to MASQUERADE" -d 192.168.0.0/16 -j RETURN
-A IP-MASQ-AGENT -m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE --random-fully
COMMIT
RULES
iptables -t nat -A POSTROUTING -m comment --comment 'ip-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom IP-MASQ-AGENT chain' -m addrtype '!' --dst-type LOCAL -j IP-MASQ-AGENT
EOF

# A switch's port passes frames a moment after its cable is in.
forwarding switch p3

# container runtime on node1: a sandbox for pod web-0: the pause container and its network namespace
ip netns add web-0
ip -n web-0 link set lo up

# CNI bridge plugin on node1: ADD: web-0 gets 10.244.1.2 on eth0, a port of cbr0, and a default route
ip -n web-0 link add eth0 address a2:09:ad:7c:64:36 type veth peer name veth038d92d3 netns node1 address 2e:d2:35:3d:e6:af
ip -n node1 link set veth038d92d3 up
ip -n node1 link set veth038d92d3 master cbr0
bridge -n node1 link set dev veth038d92d3 hairpin on
ip netns exec web-0 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-0 addr add 10.244.1.2/24 dev eth0
ip -n web-0 link set eth0 up
ip netns exec web-0 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-0 route add default via 10.244.1.1 dev eth0
forwarding node1 veth038d92d3

# kubelet on node1: starts container http of pod web-0
serve web-0 8080

# container runtime on node1: a sandbox for pod web-1: the pause container and its network namespace
ip netns add web-1
ip -n web-1 link set lo up

# CNI bridge plugin on node1: ADD: web-1 gets 10.244.1.3 on eth0, a port of cbr0, and a default route
ip -n web-1 link add eth0 address 1e:5d:8b:61:eb:a9 type veth peer name veth038c9c0f netns node1 address c6:91:4f:a6:8f:34
ip -n node1 link set veth038c9c0f up
ip -n node1 link set veth038c9c0f master cbr0
bridge -n node1 link set dev veth038c9c0f hairpin on
ip netns exec web-1 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-1 addr add 10.244.1.3/24 dev eth0
ip -n web-1 link set eth0 up
ip netns exec web-1 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-1 route add default via 10.244.1.1 dev eth0
forwarding node1 veth038c9c0f

# kubelet on node1: starts container http of pod web-1
serve web-1 8080

# container runtime on node1: a sandbox for pod web-2: the pause container and its network namespace
ip netns add web-2
ip -n web-2 link set lo up

# CNI bridge plugin on node1: ADD: web-2 gets 10.244.1.4 on eth0, a port of cbr0, and a default route
ip -n web-2 link add eth0 address b2:c1:b1:69:54:aa type veth peer name vethb9e0c60b netns node1 address ca:14:fc:d6:e4:e8
ip -n node1 link set vethb9e0c60b up
ip -n node1 link set vethb9e0c60b master cbr0
bridge -n node1 link set dev vethb9e0c60b hairpin on
ip netns exec web-2 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-2 addr add 10.244.1.4/24 dev eth0
ip -n web-2 link set eth0 up
ip netns exec web-2 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-2 route add default via 10.244.1.1 dev eth0
forwarding node1 vethb9e0c60b

# kubelet on node1: starts container http of pod web-2
serve web-2 8080

get node1 http://10.244.1.2:8080/clientip
get node1 http://10.244.1.3:8080/clientip
get node1 http://10.244.1.4:8080/clientip

# ----------------------------------------------------------------------------------------------------------------------
# The other way round: each pod reaches the node, by its address on the bridge and by its address on the outside.
# ----------------------------------------------------------------------------------------------------------------------
ip netns exec web-0 ping -c 1 -W 1 10.244.1.1
ip netns exec web-0 ping -c 1 -W 1 192.168.0.2
ip netns exec web-1 ping -c 1 -W 1 10.244.1.1
ip netns exec web-1 ping -c 1 -W 1 192.168.0.2
ip netns exec web-2 ping -c 1 -W 1 10.244.1.1
ip netns exec web-2 ping -c 1 -W 1 192.168.0.2
