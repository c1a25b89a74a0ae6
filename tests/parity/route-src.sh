# Which source address a host uses: the route's `src`, else the primary address of the output device that shares the gateway's subnet, else the first.
# expect: status 0
# expect: output ^192.0.2.1 via 10.0.0.254 dev eth0 src 10.0.0.7
# expect: output Invalid prefsrc
# expect: gw.eth0 rx ip 10.0.0.1>192.0.2.1 .*echo request = 1
# expect: gw.eth0 rx ip 10.0.0.7>192.0.2.1 .*echo request = 1
# expect: gw.eth0 rx ip 172.16.0.1>192.0.2.1 .*echo request = 1
# expect: gw.eth0 rx ip 10.9.9.9>192.0.2.1 .*echo request = 2
# quick
ip netns add pc && ip netns add gw
ip -n pc link add eth0 type veth peer name eth0 netns gw
ip -n pc addr add 10.0.0.1/24 dev eth0
ip -n pc addr add 10.0.0.7/24 dev eth0
ip -n pc addr add 172.16.0.1/24 dev eth0
ip -n pc addr add 10.9.9.9/32 dev lo
ip -n gw addr add 10.0.0.254/24 dev eth0
ip -n gw addr add 172.16.0.254/24 dev eth0
ip -n gw addr add 192.0.2.1/32 dev lo
ip -n gw route add 10.9.9.9 via 10.0.0.1 2>&1
for n in pc gw; do ip -n $n link set lo up; ip -n $n link set eth0 up; done
ip -n gw route add 10.9.9.9 via 10.0.0.1

show_and_ping() {
    ip -n pc route get 192.0.2.1
    ip netns exec pc ping -c1 -W1 "$@" 192.0.2.1 | sed -n 1,2p
}
ip -n pc route add 192.0.2.0/24 via 10.0.0.254
show_and_ping
ip -n pc route replace 192.0.2.0/24 via 10.0.0.254 src 10.0.0.7
show_and_ping
ip -n pc route replace 192.0.2.0/24 via 172.16.0.254
show_and_ping
ip -n pc route replace 192.0.2.0/24 via 10.0.0.254 src 10.9.9.9
show_and_ping
ip -n pc route replace 192.0.2.0/24 via 10.0.0.254
show_and_ping -I 10.9.9.9
ip -n pc route replace 192.0.2.0/24 via 10.0.0.254 src 10.8.8.8
# the address goes, and the route that prefers it goes with it
ip -n pc route add 203.0.113.0/24 via 10.0.0.254 src 10.9.9.9
ip -n pc addr del 10.9.9.9/32 dev lo
ip -n pc route
