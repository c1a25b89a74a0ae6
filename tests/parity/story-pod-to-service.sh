#!/bin/bash
# pod-to-service: A Service is a stable address over pods that come and go.
#
# Written by `emu export pod-to-service`. There are two ways to run it:
# emu sh FILE: on the emulated network. No root is needed, waiting takes no time, and every interface is captured.
# bash FILE: on Linux, as root (or as a user who may make namespaces), in namespaces of its own. It takes iproute2,
# iptables, ping, and a python3 that has emu: `pip install` it, or set PYTHONPATH to its folder.
set -euo pipefail
# expect: status 0
# expect: output web-[0-4]$
# expect: output 20 web-2
# expect: output Connection refused
# expect: client.eth0 rx icmp .*port unreachable = 1
# expect: web-1.eth0 rx ip 10.244.2.1>10.244.2.2 .* S

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
# probe NETNS URL: ask as a kubelet does.
probe() { ip netns exec "$1" python3 -m emu.apps.probe "${@:2}"; }
# fails COMMAND...: the command fails, as the story tells.
fails() { if "$@"; then echo "this should have failed: $*" >&2; return 1; fi; }

# ----------------------------------------------------------------------------------------------------------------------
# Pods die and their addresses with them, so clients talk to a Service: a virtual address that no device has. kube-proxy
# on every node turns it into iptables rules: KUBE-SERVICES recognises address and port, a KUBE-SVC chain draws one of
# the backends, its KUBE-SEP chain rewrites the destination (DNAT). Conntrack remembers, so the reply is rewritten back,
# and later packets never see the rules. Backends web-0 and web-2 are on the client's node, web-1 on the other.
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

# route controller: the other nodes' route to the pods of node2
ip -n node1 route replace 10.244.2.0/24 via 192.168.0.3 dev eth0

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
ip -n node2 route replace 10.244.1.0/24 via 192.168.0.2 dev eth0

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

# CNI bridge plugin on node2: cbr0, the pods' bridge and their gateway 10.244.2.1
on node2 <<'EOF'
ip link add cbr0 address c6:91:4f:a6:8f:34 type bridge
ip link set cbr0 mtu 1500
ip link set cbr0 up
sysctl -qw net/ipv4/neigh/cbr0/delay_first_probe_time=600 net/ipv4/neigh/cbr0/base_reachable_time_ms=1800000
ip addr add 10.244.2.1/24 dev cbr0
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

# CNI bridge plugin on node1: ADD: client gets 10.244.1.2 on eth0, a port of cbr0, and a default route
ip -n client link add eth0 address ca:14:fc:d6:e4:e8 type veth peer name veth038d92d3 netns node1 address 1e:5d:8b:61:eb:a9
ip -n node1 link set veth038d92d3 up
ip -n node1 link set veth038d92d3 master cbr0
bridge -n node1 link set dev veth038d92d3 hairpin on
ip netns exec client sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n client addr add 10.244.1.2/24 dev eth0
ip -n client link set eth0 up
ip netns exec client sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n client route add default via 10.244.1.1 dev eth0
forwarding node1 veth038d92d3

# container runtime on node1: a sandbox for pod web-0: the pause container and its network namespace
ip netns add web-0
ip -n web-0 link set lo up

# CNI bridge plugin on node1: ADD: web-0 gets 10.244.1.3 on eth0, a port of cbr0, and a default route
ip -n web-0 link add eth0 address b2:9e:6b:bb:4f:8b type veth peer name veth038c9c0f netns node1 address b2:c1:b1:69:54:aa
ip -n node1 link set veth038c9c0f up
ip -n node1 link set veth038c9c0f master cbr0
bridge -n node1 link set dev veth038c9c0f hairpin on
ip netns exec web-0 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-0 addr add 10.244.1.3/24 dev eth0
ip -n web-0 link set eth0 up
ip netns exec web-0 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-0 route add default via 10.244.1.1 dev eth0
forwarding node1 veth038c9c0f

# kubelet on node1: starts container http of pod web-0
serve web-0 8080

# kubelet on node1: is pod web-0 ready?
probe node1 http://10.244.1.3:8080/ready

# container runtime on node2: a sandbox for pod web-1: the pause container and its network namespace
ip netns add web-1
ip -n web-1 link set lo up

# CNI bridge plugin on node2: ADD: web-1 gets 10.244.2.2 on eth0, a port of cbr0, and a default route
ip -n web-1 link add eth0 address 26:96:9c:57:3e:8b type veth peer name veth0fa029e7 netns node2 address da:0b:b3:f9:51:86
ip -n node2 link set veth0fa029e7 up
ip -n node2 link set veth0fa029e7 master cbr0
bridge -n node2 link set dev veth0fa029e7 hairpin on
ip netns exec web-1 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-1 addr add 10.244.2.2/24 dev eth0
ip -n web-1 link set eth0 up
ip netns exec web-1 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-1 route add default via 10.244.2.1 dev eth0
forwarding node2 veth0fa029e7

# kubelet on node2: starts container http of pod web-1
serve web-1 8080

# kubelet on node2: is pod web-1 ready?
probe node2 http://10.244.2.2:8080/ready

# container runtime on node1: a sandbox for pod web-2: the pause container and its network namespace
ip netns add web-2
ip -n web-2 link set lo up

# CNI bridge plugin on node1: ADD: web-2 gets 10.244.1.4 on eth0, a port of cbr0, and a default route
ip -n web-2 link add eth0 address 8a:63:02:32:9c:c3 type veth peer name vethb9e0c60b netns node1 address 3e:5b:80:51:93:11
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

# kubelet on node1: is pod web-2 ready?
probe node1 http://10.244.1.4:8080/ready

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
:KUBE-SEP-23NJSXDYUSXY5E7Q - [0:0]
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.3:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-23NJSXDYUSXY5E7Q
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -s 10.244.1.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.3:8080
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -s 10.244.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
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
:KUBE-SEP-23NJSXDYUSXY5E7Q - [0:0]
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.3:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-23NJSXDYUSXY5E7Q
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -s 10.244.1.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.3:8080
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -s 10.244.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF
get client http://10.101.167.86/hostname --count 62 | sort | uniq -c

# ----------------------------------------------------------------------------------------------------------------------
# web-1 now answers 500 on its readiness path. The kubelet's probe finds out; the endpoint goes, the pod stays.
# ----------------------------------------------------------------------------------------------------------------------
rm "$run/web-1.ready"  # from now on it says it is not ready

sleep 0.9

# kubelet on node1: is pod web-0 ready?
probe node1 http://10.244.1.3:8080/ready

# kubelet on node2: is pod web-1 ready?
fails probe node2 http://10.244.2.2:8080/ready  # not ready

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
:KUBE-SEP-23NJSXDYUSXY5E7Q - [0:0]
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.3:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-23NJSXDYUSXY5E7Q
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -s 10.244.1.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.3:8080
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-X KUBE-SEP-5Q3P56IRA2PP7VYF
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
:KUBE-SEP-23NJSXDYUSXY5E7Q - [0:0]
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.3:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-23NJSXDYUSXY5E7Q
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -s 10.244.1.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-23NJSXDYUSXY5E7Q -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.3:8080
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-X KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF
get client http://10.101.167.86/hostname --count 20 | sort | uniq -c

# ----------------------------------------------------------------------------------------------------------------------
# web-0 is deleted, then the set is scaled up by web-3 and web-4.
# ----------------------------------------------------------------------------------------------------------------------

# kubelet on node1: pod web-0 ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox
# goes
stop web-0:8080
ip -n web-0 link del eth0
ip netns del web-0

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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-23NJSXDYUSXY5E7Q - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-X KUBE-SEP-23NJSXDYUSXY5E7Q
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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-23NJSXDYUSXY5E7Q - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-X KUBE-SEP-23NJSXDYUSXY5E7Q
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF
get client http://10.101.167.86/hostname --count 20 | sort | uniq -c

# container runtime on node2: a sandbox for pod web-3: the pause container and its network namespace
ip netns add web-3
ip -n web-3 link set lo up

# CNI bridge plugin on node2: ADD: web-3 gets 10.244.2.3 on eth0, a port of cbr0, and a default route
ip -n web-3 link add eth0 address 36:35:9c:8c:ac:15 type veth peer name veth9af0e94b netns node2 address d6:5b:94:2b:bd:a8
ip -n node2 link set veth9af0e94b up
ip -n node2 link set veth9af0e94b master cbr0
bridge -n node2 link set dev veth9af0e94b hairpin on
ip netns exec web-3 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-3 addr add 10.244.2.3/24 dev eth0
ip -n web-3 link set eth0 up
ip netns exec web-3 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-3 route add default via 10.244.2.1 dev eth0
forwarding node2 veth9af0e94b

# kubelet on node1: is pod web-2 ready?
probe node1 http://10.244.1.4:8080/ready

# kubelet on node2: starts container http of pod web-3
serve web-3 8080

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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node2: is pod web-3 ready?
probe node2 http://10.244.2.3:8080/ready

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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# container runtime on node1: a sandbox for pod web-4: the pause container and its network namespace
ip netns add web-4
ip -n web-4 link set lo up

# CNI bridge plugin on node1: ADD: web-4 gets 10.244.1.5 on eth0, a port of cbr0, and a default route
ip -n web-4 link add eth0 address ae:c2:3d:9d:35:b0 type veth peer name veth93849aad netns node1 address 66:32:80:ef:55:c4
ip -n node1 link set veth93849aad up
ip -n node1 link set veth93849aad master cbr0
bridge -n node1 link set dev veth93849aad hairpin on
ip netns exec web-4 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-4 addr add 10.244.1.5/24 dev eth0
ip -n web-4 link set eth0 up
ip netns exec web-4 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-4 route add default via 10.244.1.1 dev eth0
forwarding node1 veth93849aad

# kubelet on node1: starts container http of pod web-4
serve web-4 8080

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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node1: is pod web-4 ready?
probe node1 http://10.244.1.5:8080/ready

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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF
touch "$run/web-1.ready"  # ready again

sleep 0.9

# kubelet on node2: is pod web-1 ready?
probe node2 http://10.244.2.2:8080/ready

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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.2500000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -s 10.244.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.2500000000 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -s 10.244.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF
get client http://10.101.167.86/hostname --count 60 | sort | uniq -c

# ----------------------------------------------------------------------------------------------------------------------
# A pod may draw itself. Then the frame must leave the bridge by the port it came in by (hairpin mode), and the source
# must be rewritten too, or the pod would answer itself directly: KUBE-SEP marks the packet, KUBE-POSTROUTING
# masquerades it.
# ----------------------------------------------------------------------------------------------------------------------
get web-2 http://10.101.167.86/clientip --count 2

# ----------------------------------------------------------------------------------------------------------------------
# At last no backend is left. A Service without endpoints refuses at once: kube-proxy writes a REJECT, the client gets
# an ICMP error.
# ----------------------------------------------------------------------------------------------------------------------

# kubelet on node2: pod web-1 ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox
# goes
stop web-1:8080
ip -n web-1 link del eth0
ip netns del web-1

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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-X KUBE-SEP-5Q3P56IRA2PP7VYF
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
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.4:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -s 10.244.1.4 -j KUBE-MARK-MASQ
-A KUBE-SEP-4EFWFBAFH3CG7QWO -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.4:8080
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-X KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node1: pod web-2 ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox
# goes
stop web-2:8080
ip -n web-2 link del eth0
ip netns del web-2

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
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-X KUBE-SEP-4EFWFBAFH3CG7QWO
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
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
:KUBE-SEP-4EFWFBAFH3CG7QWO - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.3:8080" -j KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -s 10.244.2.3 -j KUBE-MARK-MASQ
-A KUBE-SEP-G2TK3RG32KUOAWKQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.3:8080
-X KUBE-SEP-4EFWFBAFH3CG7QWO
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node2: pod web-3 ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox
# goes
stop web-3:8080
ip -n web-3 link del eth0
ip netns del web-3

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
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-X KUBE-SEP-G2TK3RG32KUOAWKQ
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
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
:KUBE-SEP-G2TK3RG32KUOAWKQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.1.5:8080" -j KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -s 10.244.1.5 -j KUBE-MARK-MASQ
-A KUBE-SEP-XQWD6PXGZUTOOIVQ -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.1.5:8080
-X KUBE-SEP-G2TK3RG32KUOAWKQ
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# kubelet on node1: pod web-4 ends: its containers are killed, the CNI plugin takes its eth0 away (DEL), the sandbox
# goes
stop web-4:8080
ip -n web-4 link del eth0
ip netns del web-4

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
-A KUBE-SERVICES -m comment --comment "default/web has no endpoints" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j REJECT
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
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-X KUBE-SVC-LOLE4ISW44XBNF3G
-X KUBE-SEP-XQWD6PXGZUTOOIVQ
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
-A KUBE-SERVICES -m comment --comment "default/web has no endpoints" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j REJECT
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
:KUBE-SEP-XQWD6PXGZUTOOIVQ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-X KUBE-SVC-LOLE4ISW44XBNF3G
-X KUBE-SEP-XQWD6PXGZUTOOIVQ
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF
fails get client http://10.101.167.86/hostname  # connection refused
