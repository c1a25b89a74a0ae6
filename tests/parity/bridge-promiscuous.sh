# A promiscuous bridge hears every frame between its ports, and takes those that DNAT changed for its own: the same-node Service packet is delivered twice.
# gotcha: 4
# expect: status 0
# expect: output ^plain, promiscuous: 2 received, forwarded 2$
# expect: output ^service, not promiscuous: 2 received, forwarded 2$
# expect: output ^service, promiscuous: 2 received, .1 duplicates, forwarded 4$
# expect: output ^service, hairpin instead: 2 received, forwarded 2$
# expect: web.eth0 rx ttl 63 .*echo request = 2
# expect: web.eth0 rx ttl 64 .*echo request = 8
set -u
sysctl -qw net.ipv4.ip_forward=1
ip link add cbr0 address 02:00:00:00:01:01 type bridge
ip addr add 10.244.1.1/24 dev cbr0
ip link set cbr0 up
n=2
for pod in client web; do
    ip netns add $pod
    ip link add veth-$pod type veth peer name eth0 netns $pod
    ip link set veth-$pod master cbr0 up
    ip -n $pod addr add 10.244.1.$n/24 dev eth0
    ip -n $pod link set eth0 up
    ip -n $pod route add default via 10.244.1.1
    n=$((n + 1))
done
sysctl -qw net.bridge.bridge-nf-call-iptables=1
iptables -t nat -A PREROUTING -d 10.96.0.10 -p icmp -j DNAT --to-destination 10.244.1.3
iptables -A FORWARD -p icmp --icmp-type echo-request
sleep 0.3
try() {
    local pings forwarded
    pings=$(ip netns exec client ping -c 2 -i 0.3 -W 0.5 $2 | sed -n 's/.*transmitted, \(.*\), 0% packet loss.*/\1/p')
    forwarded=$(iptables -L FORWARD -vnx | awk '/icmp/ {print $1}')
    iptables -Z FORWARD
    echo "$1: $pings, forwarded $forwarded"
}
try 'service, not promiscuous' 10.96.0.10
ip link set cbr0 promisc on
try 'plain, promiscuous' 10.244.1.3
try 'service, promiscuous' 10.96.0.10
ip link set cbr0 promisc off
bridge link set dev veth-client hairpin on
bridge link set dev veth-web hairpin on
try 'service, hairpin instead' 10.96.0.10
exit 0
