#!/bin/bash
# pod-to-pod-same-node: Pods of one node talk through veth pairs and the bridge.
#
# Written by `emu export pod-to-pod-same-node`. There are two ways to run it:
# emu sh FILE: on the emulated network. No root is needed, waiting takes no time, and every interface is captured.
# bash FILE: on Linux, as root (or as a user who may make namespaces), in namespaces of its own. It takes iproute2,
# iptables, ping, and a python3 that has emu: `pip install` it, or set PYTHONPATH to its folder.
set -euo pipefail
# expect: status 0
# expect: output 1 received
# expect: no output 0 received
# expect: c.eth0 rx arp who-has 10.244.1.3 tell 10.244.1.2 = 1
# expect: c.eth0 rx icmp echo request id i3 = 1
# expect: a.eth0 rx icmp echo reply = 3

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

# ----------------------------------------------------------------------------------------------------------------------
# Every pod's eth0 is one end of a veth pair; the other end is a port of the node's bridge, cbr0. Pods a, b and c are on
# one node. a pings b: to a, b is a neighbour on the same subnet, so it asks by ARP. The broadcast goes out of every
# port of the bridge; b's answer is unicast, because the bridge learned a's port from the question; from then on all
# frames are.
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
ip link set cbr0 type bridge ageing_time 200  # 2 s instead of 300
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

# container runtime on node1: a sandbox for pod a: the pause container and its network namespace
ip netns add a
ip -n a link set lo up

# CNI bridge plugin on node1: ADD: a gets 10.244.1.2 on eth0, a port of cbr0, and a default route
ip -n a link add eth0 address a2:09:ad:7c:64:36 type veth peer name veth038d92d3 netns node1 address 2e:d2:35:3d:e6:af
ip -n node1 link set veth038d92d3 up
ip -n node1 link set veth038d92d3 master cbr0
bridge -n node1 link set dev veth038d92d3 hairpin on
ip netns exec a sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n a addr add 10.244.1.2/24 dev eth0
ip -n a link set eth0 up
ip netns exec a sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n a route add default via 10.244.1.1 dev eth0
forwarding node1 veth038d92d3

# container runtime on node1: a sandbox for pod b: the pause container and its network namespace
ip netns add b
ip -n b link set lo up

# CNI bridge plugin on node1: ADD: b gets 10.244.1.3 on eth0, a port of cbr0, and a default route
ip -n b link add eth0 address 1e:5d:8b:61:eb:a9 type veth peer name veth038c9c0f netns node1 address c6:91:4f:a6:8f:34
ip -n node1 link set veth038c9c0f up
ip -n node1 link set veth038c9c0f master cbr0
bridge -n node1 link set dev veth038c9c0f hairpin on
ip netns exec b sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n b addr add 10.244.1.3/24 dev eth0
ip -n b link set eth0 up
ip netns exec b sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n b route add default via 10.244.1.1 dev eth0
forwarding node1 veth038c9c0f

# container runtime on node1: a sandbox for pod c: the pause container and its network namespace
ip netns add c
ip -n c link set lo up

# CNI bridge plugin on node1: ADD: c gets 10.244.1.4 on eth0, a port of cbr0, and a default route
ip -n c link add eth0 address b2:c1:b1:69:54:aa type veth peer name vethb9e0c60b netns node1 address ca:14:fc:d6:e4:e8
ip -n node1 link set vethb9e0c60b up
ip -n node1 link set vethb9e0c60b master cbr0
bridge -n node1 link set dev vethb9e0c60b hairpin on
ip netns exec c sysctl -qw net.ipv4.conf.eth0.arp_notify=1
ip -n c addr add 10.244.1.4/24 dev eth0
ip -n c link set eth0 up
ip netns exec c sysctl -qw net/ipv4/neigh/eth0/delay_first_probe_time=600 net/ipv4/neigh/eth0/base_reachable_time_ms=1800000
ip -n c route add default via 10.244.1.1 dev eth0
forwarding node1 vethb9e0c60b

ip netns exec a ping -c 1 -W 1 10.244.1.3

# ----------------------------------------------------------------------------------------------------------------------
# Again, with every table warm: no ARP, unicast all the way.
# ----------------------------------------------------------------------------------------------------------------------
ip netns exec a ping -c 1 -W 1 10.244.1.3

# ----------------------------------------------------------------------------------------------------------------------
# The bridge forgets an address it has not heard from for 300 s. The entry of b's MAC is 310 s old now and gone; a still
# has b in its neighbour table, so it sends unicast at once, and the bridge floods it: unknown unicast.
# ----------------------------------------------------------------------------------------------------------------------

sleep 4

ip netns exec a ping -c 1 -W 1 10.244.1.3
