# Looking changes what is seen: tcpdump makes the bridge promiscuous, and same-node Service packets are delivered twice while it runs; with -p they are not.
# gotcha: 4
# expect: status 0
# expect: output ^nobody looks: 2 received$
# expect: output ^tcpdump -p: 2 received$
# expect: output ^tcpdump: 2 received, .1 duplicates$
# expect: output ^nobody looks any more: 2 received$
# expect: web.eth0 rx ttl 63 .*echo request = 2
# needs: tcpdump
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
sleep 0.3
try() { echo "$1: $(ip netns exec client ping -c 2 -i 0.3 -W 0.5 10.96.0.10 | sed -n 's/.*transmitted, \(.*\), 0% packet loss.*/\1/p')"; sleep 0.3; }
try 'nobody looks'
tcpdump -n -p -i cbr0 -w /dev/null 2> /dev/null & watcher=$!
sleep 1
try 'tcpdump -p'
kill $watcher; wait $watcher
tcpdump -n -i cbr0 -w /dev/null 2> /dev/null & watcher=$!
sleep 1
try tcpdump
kill $watcher; wait $watcher
sleep 0.5
try 'nobody looks any more'
exit 0
