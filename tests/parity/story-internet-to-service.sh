#!/bin/bash
# internet-to-service: Traffic between the internet and the cluster.
#
# Written by `emu export internet-to-service`. There are two ways to run it:
# emu sh FILE: on the emulated network. No root is needed, waiting takes no time, and every interface is captured.
# bash FILE: on Linux, as root (or as a user who may make namespaces), in namespaces of its own. It takes iproute2,
# iptables, ping, and a python3 that has emu: `pip install` it, or set PYTHONPATH to its folder.
set -euo pipefail
# expect: status 0
# expect: output ^198.51.100.1:
# expect: output ^198.51.100.10:
# expect: output timed out
# expect: output ^10.244.1.2:
# expect: router.eth1 tx 198.51.100.1>198.51.100.10
# expect: lb.eth0 tx 198.51.100.10>203.0.113.1

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
# probe NETNS URL: ask as a kubelet does.
probe() { ip netns exec "$1" python3 -m emu.apps.probe "${@:2}"; }
# fails COMMAND...: the command fails, as the story tells.
fails() { if "$@"; then echo "this should have failed: $*" >&2; return 1; fi; }

# ----------------------------------------------------------------------------------------------------------------------
# The nodes stand behind a router that has NAT of its own towards the internet. A pod's address means nothing outside
# the cluster, so the node masquerades what leaves it, and the router does it again.
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

# container runtime on node2: a sandbox for pod web-0: the pause container and its network namespace
ip netns add web-0
ip -n web-0 link set lo up

# CNI bridge plugin on node2: ADD: web-0 gets 10.244.2.2 on eth0, a port of cbr0, and a default route
ip -n web-0 link add eth0 address ca:14:fc:d6:e4:e8 type veth peer name veth0fa029e7 netns node2 address 1e:5d:8b:61:eb:a9
ip -n node2 link set veth0fa029e7 up
ip -n node2 link set veth0fa029e7 master cbr0
bridge -n node2 link set dev veth0fa029e7 hairpin on
ip netns exec web-0 sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n web-0 addr add 10.244.2.2/24 dev eth0
ip -n web-0 link set eth0 up
ip netns exec web-0 sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n web-0 route add default via 10.244.2.1 dev eth0
forwarding node2 veth0fa029e7

# kubelet on node2: starts container http of pod web-0
serve web-0 8080

# container runtime on node1: a sandbox for pod client: the pause container and its network namespace
ip netns add client
ip -n client link set lo up

# CNI bridge plugin on node1: ADD: client gets 10.244.1.2 on eth0, a port of cbr0, and a default route
ip -n client link add eth0 address b2:9e:6b:bb:4f:8b type veth peer name veth038d92d3 netns node1 address b2:c1:b1:69:54:aa
ip -n node1 link set veth038d92d3 up
ip -n node1 link set veth038d92d3 master cbr0
bridge -n node1 link set dev veth038d92d3 hairpin on
ip netns exec client sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n client addr add 10.244.1.2/24 dev eth0
ip -n client link set eth0 up
ip netns exec client sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n client route add default via 10.244.1.1 dev eth0
forwarding node1 veth038d92d3

# internet: serves HTTP
serve internet 80

get client http://198.51.100.10/clientip

# ----------------------------------------------------------------------------------------------------------------------
# A NodePort opens the same port on every node. Under externalTrafficPolicy Cluster any node takes the connection and
# forwards it to any backend; it has to put its own address in, so that the reply comes back through it. web-0 runs on
# node2.
# ----------------------------------------------------------------------------------------------------------------------

# load balancer: 203.0.113.1 goes to 192.168.0.2 and 192.168.0.3
# ip route replace 203.0.113.1/32 nexthop via 192.168.0.2 dev eth0 nexthop via 192.168.0.3 dev eth0
# Which one is up to a hash with a secret of the kernel's; this is the one the story came by:
ip -n lb route replace 203.0.113.1/32 via 192.168.0.3 dev eth0

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
:KUBE-EXT-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SERVICES -m comment --comment "default/web loadbalancer IP" -m tcp -p tcp -d 203.0.113.1 --dport 80 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-NODEPORTS -m comment --comment default/web -m tcp -p tcp --dport 30901 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "masquerade traffic for default/web external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-5Q3P56IRA2PP7VYF
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
:KUBE-EXT-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SERVICES -m comment --comment "default/web loadbalancer IP" -m tcp -p tcp -d 203.0.113.1 --dport 80 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-NODEPORTS -m comment --comment default/web -m tcp -p tcp --dport 30901 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "masquerade traffic for default/web external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -s 10.244.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF
get internet http://192.168.0.2:30901/clientip
get internet http://192.168.0.3:30901/clientip

# ----------------------------------------------------------------------------------------------------------------------
# The load balancer has 203.0.113.1 and hands each connection to one of the nodes, without translating it; kube-proxy
# knows that address too.
# ----------------------------------------------------------------------------------------------------------------------
get internet http://203.0.113.1/clientip

# ----------------------------------------------------------------------------------------------------------------------
# externalTrafficPolicy Local keeps the client's address, because a node only ever uses a backend of its own. A node
# without one drops what comes to it; the load balancer asks every node on the health check port and leaves such nodes
# out.
# ----------------------------------------------------------------------------------------------------------------------

# kube-proxy on node1: answers the load balancer's health checks of Service default/web: 0 endpoints here
start node1 service_health 31427 --service default/web --local-endpoints 0

# kube-proxy on node2: answers the load balancer's health checks of Service default/web: 1 endpoint here
start node2 service_health 31427 --service default/web --local-endpoints 1

# load balancer: which nodes have an endpoint of their own?
fails probe lb http://192.168.0.2:31427/healthz  # no endpoint there
probe lb http://192.168.0.3:31427/healthz

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
-A KUBE-EXTERNAL-SERVICES -m comment --comment "default/web has no local endpoints" -m tcp -p tcp -d 203.0.113.1 --dport 80 -j DROP
-A KUBE-EXTERNAL-SERVICES -m comment --comment "default/web has no local endpoints" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30901 -j DROP
-A KUBE-NODEPORTS -m comment --comment "default/web health check node port" -m tcp -p tcp --dport 31427 -j ACCEPT
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
:KUBE-EXT-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SERVICES -m comment --comment "default/web loadbalancer IP" -m tcp -p tcp -d 203.0.113.1 --dport 80 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-NODEPORTS -m comment --comment default/web -m tcp -p tcp --dport 30901 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "pod traffic for default/web external destinations" -s 10.244.0.0/16 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "masquerade LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "route LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-5Q3P56IRA2PP7VYF
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
-A KUBE-NODEPORTS -m comment --comment "default/web health check node port" -m tcp -p tcp --dport 31427 -j ACCEPT
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
:KUBE-EXT-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SVL-LOLE4ISW44XBNF3G - [0:0]
:KUBE-SEP-5Q3P56IRA2PP7VYF - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-SERVICES -m comment --comment "default/web loadbalancer IP" -m tcp -p tcp -d 203.0.113.1 --dport 80 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-NODEPORTS -m comment --comment default/web -m tcp -p tcp --dport 30901 -j KUBE-EXT-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web cluster IP" -m tcp -p tcp -d 10.101.167.86 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "pod traffic for default/web external destinations" -s 10.244.0.0/16 -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "masquerade LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A KUBE-EXT-LOLE4ISW44XBNF3G -m comment --comment "route LOCAL traffic for default/web external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-LOLE4ISW44XBNF3G
-A KUBE-EXT-LOLE4ISW44XBNF3G -j KUBE-SVL-LOLE4ISW44XBNF3G
-A KUBE-SVC-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SVL-LOLE4ISW44XBNF3G -m comment --comment "default/web -> 10.244.2.2:8080" -j KUBE-SEP-5Q3P56IRA2PP7VYF
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -s 10.244.2.2 -j KUBE-MARK-MASQ
-A KUBE-SEP-5Q3P56IRA2PP7VYF -m comment --comment default/web -m tcp -p tcp -j DNAT --to-destination 10.244.2.2:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
EOF

# load balancer: 203.0.113.1 goes to 192.168.0.3
ip -n lb route replace 203.0.113.1/32 nexthop via 192.168.0.3 dev eth0

sleep 2

# load balancer: which nodes have an endpoint of their own?
fails probe lb http://192.168.0.2:31427/healthz  # no endpoint there
probe lb http://192.168.0.3:31427/healthz

sleep 2

# load balancer: which nodes have an endpoint of their own?
fails probe lb http://192.168.0.2:31427/healthz  # no endpoint there
probe lb http://192.168.0.3:31427/healthz

sleep 1

get internet http://192.168.0.3:30901/clientip
fails get internet http://192.168.0.2:30901/clientip --timeout 3  # timed out

# load balancer: which nodes have an endpoint of their own?
fails probe lb http://192.168.0.2:31427/healthz  # no endpoint there
probe lb http://192.168.0.3:31427/healthz
fails probe lb http://192.168.0.2:31427/healthz  # no endpoint there
probe lb http://192.168.0.3:31427/healthz

get internet http://203.0.113.1/clientip --count 8
get client http://203.0.113.1/clientip
