# A cable that is pulled: routes stay, marked `linkdown`, and packets go on into nothing, unless ignore_routes_with_linkdown sends them the other way.
# What waited for ARP is sent
# when the cable is back within three seconds. A device that is set down takes its routes with it.
# expect: status 0
# expect: output ^default via 10.0.1.2 dev eth0 metric 10 linkdown
# expect: gw1.eth0 rx icmp echo request = 2
# expect: gw2.eth0 rx icmp echo request = 2
set -e
for n in pc gw1 gw2; do ip netns add $n; ip -n $n link set lo up; done
for k in 1 2; do
    ip link add eth$((k - 1)) netns pc type veth peer name eth0 netns gw$k
    ip -n pc addr add 10.0.$k.1/24 dev eth$((k - 1))
    ip -n gw$k addr add 10.0.$k.2/24 dev eth0
    ip -n gw$k addr add 198.51.100.1/32 dev lo
    ip -n pc link set eth$((k - 1)) up
    ip -n gw$k link set eth0 up
done
ip -n pc route add default via 10.0.1.2 metric 10
ip -n pc route add default via 10.0.2.2 metric 20
look() { ip -n pc route; ip -n pc route get 198.51.100.1 || true; ip netns exec pc ping -q -c 1 -W 0.5 198.51.100.1 || true; }
look
ip -n gw1 link set eth0 down
sleep 1.2
look
ip netns exec pc sysctl -w net.ipv4.conf.eth0.ignore_routes_with_linkdown=1
look
ip -n gw1 link set eth0 up
sleep 1.2
ip -n pc route get 198.51.100.1
ip -n pc link set eth0 down
look
ip -n pc link set eth0 up
ip -n pc route
