#!/bin/bash
# pod-restart: Pods and nodes restart: addresses change, the Service's does not.
#
# Written by `emu export pod-restart`. There are two ways to run it:
# emu sh FILE: on the emulated network. No root is needed, waiting takes no time, and every interface is captured.
# bash FILE: on Linux, as root (or as a user who may make namespaces), in namespaces of its own. It takes iproute2,
# iptables, ping, and a python3 that has emu: `pip install` it, or set PYTHONPATH to its folder.
set -euo pipefail
# expect: status 0
# expect: output 10 packets transmitted, 3 received
# expect: output web$
# expect: output web-far
# expect: neighbour.eth0 tx arp who-has 10.244.0.13 tell

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
# stop NETNS:PORT: kill that server.
stop() {
    kill "${server[$1]}"
    wait "${server[$1]}" 2> /dev/null || true
    unset "server[$1]"
    rm "$run/$1"
}
# get NETNS URL [--timeout SECONDS] [--count N]: ask by HTTP, from there.
get() { ip netns exec "$1" python3 -m emu.apps.http_client "${@:2}"; }

# ----------------------------------------------------------------------------------------------------------------------
# A container that restarts keeps its pod's address. A sandbox that dies does not: the pod gets a new namespace, a new
# veth pair and the next address of its node's range. The Service does not change. Node ranges are /29 here, so that
# addresses run out: .1 is cbr0, .2 to .6 are for pods.
# ----------------------------------------------------------------------------------------------------------------------

# The machines, each a network namespace, and the switch between them, a bridge in a namespace of its own.
for machine in switch router internet lb node1 node2; do ip netns add $machine; done
ip -n switch link add br0 type bridge
ip -n switch link set br0 up
ip netns exec switch sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-arptables=0
# The cables.
ip link add eth0 netns router address 6e:3a:7c:cd:95:f4 type veth peer name p1 netns switch address de:db:c2:c5:aa:c4
ip -n switch link set p1 master br0 up
ip link add eth1 netns router address 86:6f:11:de:03:4e type veth peer name eth0 netns internet address 32:f6:aa:04:03:68
ip link add eth0 netns lb address ca:76:f7:29:91:68 type veth peer name p2 netns switch address 0a:2e:ac:46:d9:4a
ip -n switch link set p2 master br0 up
ip link add eth0 netns node1 address 9a:87:74:ac:7f:8b type veth peer name p3 netns switch address b2:72:55:97:8a:99
ip -n switch link set p3 master br0 up
ip link add eth0 netns node2 address 2e:d2:35:3d:e6:af type veth peer name p4 netns switch address a2:09:ad:7c:64:36
ip -n switch link set p4 master br0 up

# router: between the nodes (eth0) and the internet (eth1), with NAT of its own
on router <<'EOF'
ip link set lo up
ip link set eth0 up
sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip link set eth1 up
sysctl -qw net/ipv4/neigh/eth1/delay_first_probe_time=600 net/ipv4/neigh/eth1/base_reachable_time_ms=1800000
ip addr add 192.168.0.1/16 dev eth0
ip addr add 198.51.100.1/24 dev eth1
sysctl -qw net.ipv4.ip_forward=1
iptables-restore <<'RULES'
*nat
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
RULES
EOF

# internet: a host out there; it reaches nodes and load balancer addresses by the router
on internet <<'EOF'
ip link set lo up
ip link set eth0 up
sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip addr add 198.51.100.10/24 dev eth0
ip route add 192.168.0.0/16 via 198.51.100.1 dev eth0
ip route add 203.0.113.0/24 via 198.51.100.1 dev eth0
EOF

# load balancer: a machine that passes packets on to the nodes
on lb <<'EOF'
ip link set lo up
ip link set eth0 up
sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip addr add 192.168.255.254/16 dev eth0
ip route add default via 192.168.0.1 dev eth0
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.ipv4.conf.all.send_redirects=0
sysctl -qw net.ipv4.conf.eth0.send_redirects=0
EOF

# router: the addresses that the load balancer stands for
ip -n router route add 203.0.113.0/24 via 192.168.255.254 dev eth0

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

# CNI bridge plugin on node1: cbr0, the pods' bridge and their gateway 10.244.0.9
on node1 <<'EOF'
ip link add cbr0 address 7a:39:8e:ad:df:e0 type bridge
ip link set cbr0 mtu 1500
ip link set cbr0 up
sysctl -qw net/ipv4/neigh/cbr0/delay_first_probe_time=600 net/ipv4/neigh/cbr0/base_reachable_time_ms=1800000
ip addr add 10.244.0.9/29 dev cbr0
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

# route controller: the other nodes' route to the pods of node2
ip -n node1 route replace 10.244.0.16/29 via 192.168.0.3 dev eth0

# node2: its own address, the way out, forwarding for its pods
on node2 <<'EOF'
ip link set lo up
ip addr add 192.168.0.3/16 dev eth0
ip link set eth0 up
sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip route add default via 192.168.0.1 dev eth0
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.bridge.bridge-nf-call-iptables=1
EOF

# route controller, on node2: routes to the other nodes' pods, by the nodes' addresses
ip -n node2 route replace 10.244.0.8/29 via 192.168.0.2 dev eth0

# kubelet on node2: its chains; packets that claim to be from localhost and are not are dropped
on node2 <<'EOF'
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

# CNI bridge plugin on node2: cbr0, the pods' bridge and their gateway 10.244.0.17
on node2 <<'EOF'
ip link add cbr0 address c6:91:4f:a6:8f:34 type bridge
ip link set cbr0 mtu 1500
ip link set cbr0 up
sysctl -qw net/ipv4/neigh/cbr0/delay_first_probe_time=600 net/ipv4/neigh/cbr0/base_reachable_time_ms=1800000
ip addr add 10.244.0.17/29 dev cbr0
ip link set cbr0 address c6:91:4f:a6:8f:34
sysctl -qw net.ipv4.ip_forward=1
EOF

# kube-proxy on node2: node ports answer on localhost too
ip netns exec node2 sysctl -qw net.ipv4.conf.all.route_localnet=1

# kube-proxy on node2: first sync: its chains, and the jumps to them from the built-in ones
on node2 <<'EOF'
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

# kube-proxy on node2: sync: no Services yet
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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

# ip-masq-agent on node2: what leaves the cluster gets the node's address
on node2 <<'EOF'
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
forwarding switch p1
forwarding switch p2
forwarding switch p3
forwarding switch p4

# container runtime on node1: a sandbox for pod client: the pause container and its network namespace
ip netns add client
ip -n client link set lo up

# CNI bridge plugin on node1: ADD: client gets 10.244.0.10 on eth0, a port of cbr0, and a default route
ip -n client link add eth0 address ca:14:fc:d6:e4:e8 type veth peer name veth038d92d3 netns node1 address 1e:5d:8b:61:eb:a9
ip -n node1 link set veth038d92d3 up
ip -n node1 link set veth038d92d3 master cbr0
bridge -n node1 link set dev veth038d92d3 hairpin on
ip netns exec client sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n client addr add 10.244.0.10/29 dev eth0
ip -n client link set eth0 up
ip netns exec client sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n client route add default via 10.244.0.9 dev eth0
forwarding node1 veth038d92d3

# container runtime on node1: a sandbox for pod neighbour: the pause container and its network namespace
ip netns add neighbour
ip -n neighbour link set lo up

# CNI bridge plugin on node1: ADD: neighbour gets 10.244.0.11 on eth0, a port of cbr0, and a default route
ip -n neighbour link add eth0 address b2:9e:6b:bb:4f:8b type veth peer name veth038c9c0f netns node1 address b2:c1:b1:69:54:aa
ip -n node1 link set veth038c9c0f up
ip -n node1 link set veth038c9c0f master cbr0
bridge -n node1 link set dev veth038c9c0f hairpin on
ip netns exec neighbour sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n neighbour addr add 10.244.0.11/29 dev eth0
ip -n neighbour link set eth0 up
ip netns exec neighbour sysctl -qw net/ipv4/neigh/eth0/base_reachable_time_ms=12000
ip -n neighbour route add default via 10.244.0.9 dev eth0
forwarding node1 veth038c9c0f

# container runtime on node1: a sandbox for pod web: the pause container and its network namespace
ip netns add web
ip -n web link set lo up

# CNI bridge plugin on node1: ADD: web gets 10.244.0.12 on eth0, a port of cbr0, and a default route
ip -n web link add eth0 address 26:96:9c:57:3e:8b type veth peer name vethb9e0c60b netns node1 address da:0b:b3:f9:51:86
ip -n node1 link set vethb9e0c60b up
ip -n node1 link set vethb9e0c60b master cbr0
bridge -n node1 link set dev vethb9e0c60b hairpin on
ip netns exec web sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web addr add 10.244.0.12/29 dev eth0
ip -n web link set eth0 up
ip netns exec web sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web route add default via 10.244.0.9 dev eth0
forwarding node1 vethb9e0c60b

# kubelet on node1: starts container http of pod web
serve web 8080

# container runtime on node2: a sandbox for pod web-far: the pause container and its network namespace
ip netns add web-far
ip -n web-far link set lo up

# CNI bridge plugin on node2: ADD: web-far gets 10.244.0.18 on eth0, a port of cbr0, and a default route
ip -n web-far link add eth0 address 8a:63:02:32:9c:c3 type veth peer name veth0fa029e7 netns node2 address 3e:5b:80:51:93:11
ip -n node2 link set veth0fa029e7 up
ip -n node2 link set veth0fa029e7 master cbr0
bridge -n node2 link set dev veth0fa029e7 hairpin on
ip netns exec web-far sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-far addr add 10.244.0.18/29 dev eth0
ip -n web-far link set eth0 up
ip netns exec web-far sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-far route add default via 10.244.0.17 dev eth0
forwarding node2 veth0fa029e7

# kubelet on node2: starts container http of pod web-far
serve web-far 8080

# kube-proxy on node1: sync: the dispatch chains, and the chains of what changed
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-MZGQ3F6ZS44FOLMW - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.12:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-MZGQ3F6ZS44FOLMW
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.18:8080" -j KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SEP-MZGQ3F6ZS44FOLMW -m comment --comment default/web -s 10.244.0.12 -j KUBE-MARK-MASQ
-A KUBE-SEP-MZGQ3F6ZS44FOLMW -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.12:8080
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -s 10.244.0.18 -j KUBE-MARK-MASQ
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.18:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kube-proxy on node2: sync: the dispatch chains, and the chains of what changed
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-MZGQ3F6ZS44FOLMW - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.12:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-MZGQ3F6ZS44FOLMW
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.18:8080" -j KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SEP-MZGQ3F6ZS44FOLMW -m comment --comment default/web -s 10.244.0.12 -j KUBE-MARK-MASQ
-A KUBE-SEP-MZGQ3F6ZS44FOLMW -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.12:8080
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -s 10.244.0.18 -j KUBE-MARK-MASQ
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.18:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node1: pod web ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox goes
stop web:8080
ip -n web link del eth0
ip netns del web

# container runtime on node1: a sandbox for pod web: the pause container and its network namespace
ip netns add web
ip -n web link set lo up

# CNI bridge plugin on node1: ADD: web gets 10.244.0.13 on eth0, a port of cbr0, and a default route
ip -n web link add eth0 address 36:35:9c:8c:ac:15 type veth peer name veth93849aad netns node1 address d6:5b:94:2b:bd:a8
ip -n node1 link set veth93849aad up
ip -n node1 link set veth93849aad master cbr0
bridge -n node1 link set dev veth93849aad hairpin on
ip netns exec web sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web addr add 10.244.0.13/29 dev eth0
ip -n web link set eth0 up
ip netns exec web sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web route add default via 10.244.0.9 dev eth0
forwarding node1 veth93849aad

# kube-proxy on node1: sync: the dispatch chains, and the chains of what changed
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
:KUBE-SEP-MZGQ3F6ZS44FOLMW - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.18:8080" -j KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -s 10.244.0.18 -j KUBE-MARK-MASQ
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.18:8080
-X KUBE-SEP-MZGQ3F6ZS44FOLMW
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kube-proxy on node2: sync: the dispatch chains, and the chains of what changed
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
:KUBE-SEP-MZGQ3F6ZS44FOLMW - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.18:8080" -j KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -s 10.244.0.18 -j KUBE-MARK-MASQ
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.18:8080
-X KUBE-SEP-MZGQ3F6ZS44FOLMW
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node1: starts container http of pod web
serve web 8080

# kube-proxy on node1: sync: the dispatch chains, and the chains of what changed
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.13:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.18:8080" -j KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -s 10.244.0.13 -j KUBE-MARK-MASQ
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.13:8080
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -s 10.244.0.18 -j KUBE-MARK-MASQ
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.18:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kube-proxy on node2: sync: the dispatch chains, and the chains of what changed
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.13:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.18:8080" -j KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -s 10.244.0.13 -j KUBE-MARK-MASQ
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.13:8080
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -s 10.244.0.18 -j KUBE-MARK-MASQ
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.18:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# ----------------------------------------------------------------------------------------------------------------------
# pod web crashes into a new sandbox: 10.244.0.12 becomes 10.244.0.13.
# ----------------------------------------------------------------------------------------------------------------------
get client http://10.101.167.86/hostname

# node2: loses power: every namespace, device, route, rule and program is gone
stop web-far:8080
ip -n web-far link del eth0
ip netns del web-far
ip netns del node2

sleep 1

# node2: powers on: the old network card, a new kernel with nothing in it
ip netns add node2
ip link add eth0 netns node2 address 2e:d2:35:3d:e6:af type veth peer name p4 netns switch address a2:09:ad:7c:64:36
ip -n switch link set p4 master br0 up

# node2: its own address, the way out, forwarding for its pods
on node2 <<'EOF'
ip link set lo up
ip addr add 192.168.0.3/16 dev eth0
ip link set eth0 up
sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip route add default via 192.168.0.1 dev eth0
sysctl -qw net.ipv4.ip_forward=1
sysctl -qw net.bridge.bridge-nf-call-iptables=1
EOF

# route controller, on node2: routes to the other nodes' pods, by the nodes' addresses
ip -n node2 route replace 10.244.0.8/29 via 192.168.0.2 dev eth0

# kubelet on node2: its chains; packets that claim to be from localhost and are not are dropped
on node2 <<'EOF'
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

# CNI bridge plugin on node2: cbr0, the pods' bridge and their gateway 10.244.0.17
on node2 <<'EOF'
ip link add cbr0 address 66:32:80:ef:55:c4 type bridge
ip link set cbr0 mtu 1500
ip link set cbr0 up
sysctl -qw net/ipv4/neigh/cbr0/delay_first_probe_time=600 net/ipv4/neigh/cbr0/base_reachable_time_ms=1800000
ip addr add 10.244.0.17/29 dev cbr0
ip link set cbr0 address 66:32:80:ef:55:c4
sysctl -qw net.ipv4.ip_forward=1
EOF

# kube-proxy on node2: node ports answer on localhost too
ip netns exec node2 sysctl -qw net.ipv4.conf.all.route_localnet=1

# kube-proxy on node2: first sync: its chains, and the jumps to them from the built-in ones
on node2 <<'EOF'
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

# kube-proxy on node2: sync: the dispatch chains, and the chains of what changed
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.13:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.18:8080" -j KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -s 10.244.0.13 -j KUBE-MARK-MASQ
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.13:8080
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -s 10.244.0.18 -j KUBE-MARK-MASQ
-A KUBE-SEP-INZUANRMJKEELQUK -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.18:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# ip-masq-agent on node2: what leaves the cluster gets the node's address
on node2 <<'EOF'
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
forwarding switch p4

# container runtime on node2: a sandbox for pod web-far: the pause container and its network namespace
ip netns add web-far
ip -n web-far link set lo up

# CNI bridge plugin on node2: ADD: web-far gets 10.244.0.19 on eth0, a port of cbr0, and a default route
ip -n web-far link add eth0 address 16:fd:c5:18:4f:d0 type veth peer name veth9af0e94b netns node2 address ae:c2:3d:9d:35:b0
ip -n node2 link set veth9af0e94b up
ip -n node2 link set veth9af0e94b master cbr0
bridge -n node2 link set dev veth9af0e94b hairpin on
ip netns exec web-far sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-far addr add 10.244.0.19/29 dev eth0
ip -n web-far link set eth0 up
ip netns exec web-far sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-far route add default via 10.244.0.17 dev eth0
forwarding node2 veth9af0e94b

# kube-proxy on node1: sync: the dispatch chains, and the chains of what changed
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.13:8080" -j KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -s 10.244.0.13 -j KUBE-MARK-MASQ
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.13:8080
-X KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kube-proxy on node2: sync: the dispatch chains, and the chains of what changed
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
:KUBE-SEP-INZUANRMJKEELQUK - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.13:8080" -j KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -s 10.244.0.13 -j KUBE-MARK-MASQ
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.13:8080
-X KUBE-SEP-INZUANRMJKEELQUK
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node2: starts container http of pod web-far
serve web-far 8080

# kube-proxy on node1: sync: the dispatch chains, and the chains of what changed
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
:KUBE-SEP-BSOL4O2IBDVCYNKA - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.13:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.19:8080" -j KUBE-SEP-BSOL4O2IBDVCYNKA
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -s 10.244.0.13 -j KUBE-MARK-MASQ
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.13:8080
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -s 10.244.0.19 -j KUBE-MARK-MASQ
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.19:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kube-proxy on node2: sync: the dispatch chains, and the chains of what changed
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
:KUBE-SEP-BSOL4O2IBDVCYNKA - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.13:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.19:8080" -j KUBE-SEP-BSOL4O2IBDVCYNKA
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -s 10.244.0.13 -j KUBE-MARK-MASQ
-A KUBE-SEP-WAHMHXR2I46LI2DL -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.13:8080
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -s 10.244.0.19 -j KUBE-MARK-MASQ
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.19:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# ----------------------------------------------------------------------------------------------------------------------
# node2 reboots: everything that ran there gets new sandboxes, its tables start empty, kube-proxy writes all rules anew.
# web-far: 10.244.0.18 becomes 10.244.0.19.
# ----------------------------------------------------------------------------------------------------------------------
get client http://10.101.167.86/hostname --count 12 | sort | uniq -c

# ----------------------------------------------------------------------------------------------------------------------
# node1's range had 2 addresses left. neighbour talks to web at 10.244.0.13, so its neighbour table knows web's MAC.
# Then web goes away, and sandbox after sandbox takes the next address, until the range has been gone round and somebody
# else has 10.244.0.13.
# ----------------------------------------------------------------------------------------------------------------------
ip netns exec neighbour ping -c 1 -W 1 10.244.0.13

# kubelet on node1: pod web ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox goes
stop web:8080
ip -n web link del eth0
ip netns del web

# kube-proxy on node1: sync: the dispatch chains, and the chains of what changed
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-BSOL4O2IBDVCYNKA - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.19:8080" -j KUBE-SEP-BSOL4O2IBDVCYNKA
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -s 10.244.0.19 -j KUBE-MARK-MASQ
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.19:8080
-X KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kube-proxy on node2: sync: the dispatch chains, and the chains of what changed
ip netns exec node2 iptables-restore --noflush --counters <<'EOF'
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
:KUBE-SVC-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-BSOL4O2IBDVCYNKA - [0:0]
:KUBE-SEP-WAHMHXR2I46LI2DL - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/24 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.0.19:8080" -j KUBE-SEP-BSOL4O2IBDVCYNKA
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -s 10.244.0.19 -j KUBE-MARK-MASQ
-A KUBE-SEP-BSOL4O2IBDVCYNKA -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.0.19:8080
-X KUBE-SEP-WAHMHXR2I46LI2DL
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# container runtime on node1: a sandbox for pod heir: the pause container and its network namespace
ip netns add heir
ip -n heir link set lo up

# CNI bridge plugin on node1: ADD: heir gets 10.244.0.14 on eth0, a port of cbr0, and a default route
ip -n heir link add eth0 address 1a:97:f4:95:d5:97 type veth peer name vethb4964ee8 netns node1 address 82:8d:5c:3e:57:b9
ip -n node1 link set vethb4964ee8 up
ip -n node1 link set vethb4964ee8 master cbr0
bridge -n node1 link set dev vethb4964ee8 hairpin on
ip netns exec heir sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n heir addr add 10.244.0.14/29 dev eth0
ip -n heir link set eth0 up
ip netns exec heir sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n heir route add default via 10.244.0.9 dev eth0
forwarding node1 vethb4964ee8

# kubelet on node1: starts container http of pod heir
serve heir 8080

# kubelet on node1: pod heir ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox goes
stop heir:8080
ip -n heir link del eth0
ip netns del heir

# container runtime on node1: a sandbox for pod heir: the pause container and its network namespace
ip netns add heir
ip -n heir link set lo up

# CNI bridge plugin on node1: ADD: heir gets 10.244.0.12 on eth0, a port of cbr0, and a default route
ip -n heir link add eth0 address 4e:94:1e:84:9f:b5 type veth peer name vethcb0b9150 netns node1 address 06:46:b5:e4:20:ee
ip -n node1 link set vethcb0b9150 up
ip -n node1 link set vethcb0b9150 master cbr0
bridge -n node1 link set dev vethcb0b9150 hairpin on
ip netns exec heir sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n heir addr add 10.244.0.12/29 dev eth0
ip -n heir link set eth0 up
ip netns exec heir sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n heir route add default via 10.244.0.9 dev eth0
forwarding node1 vethcb0b9150

# kubelet on node1: starts container http of pod heir
serve heir 8080

# kubelet on node1: pod heir ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox goes
stop heir:8080
ip -n heir link del eth0
ip netns del heir

# container runtime on node1: a sandbox for pod heir: the pause container and its network namespace
ip netns add heir
ip -n heir link set lo up

# CNI bridge plugin on node1: ADD: heir gets 10.244.0.13 on eth0, a port of cbr0, and a default route
ip -n heir link add eth0 address f6:48:86:6c:57:a1 type veth peer name vethb743d335 netns node1 address 96:c9:e2:12:70:c2
ip -n node1 link set vethb743d335 up
ip -n node1 link set vethb743d335 master cbr0
bridge -n node1 link set dev vethb743d335 hairpin on
ip netns exec heir sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n heir addr add 10.244.0.13/29 dev eth0
ip -n heir link set eth0 up
ip netns exec heir sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n heir route add default via 10.244.0.9 dev eth0
forwarding node1 vethb743d335

# kubelet on node1: starts container http of pod heir
serve heir 8080

# ----------------------------------------------------------------------------------------------------------------------
# 45 s later neighbour's entry for 10.244.0.13 is STALE and still has the old MAC. It uses the entry all the same, and
# waits 5 s for a sign of life (DELAY); then it asks the old MAC three times (PROBE), gives up, and asks everybody. Then
# the traffic flows to the new pod.
# ----------------------------------------------------------------------------------------------------------------------

sleep 20

ip netns exec neighbour ping -i 1.3 -c 10 -W 1 10.244.0.13
