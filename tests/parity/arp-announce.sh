# arp_announce: which of its addresses a host names when it asks. 0: the packet's; 1: the packet's if it is of the asked one's subnet; 2: the best for that subnet.
# expect: status 0
# expect: server.eth0 tx arp who-has 192.168.1.2 tell 10.50.0.1 = 1
# expect: server.eth0 tx arp who-has 192.168.1.2 tell 192.168.1.1 = 3
# expect: server.eth0 tx arp who-has 192.168.1.2 tell 192.168.1.9 = 2
# expect: client.eth0 tx icmp echo reply = 6
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 192.168.1.2/24 dev eth0
ip -n server addr add 192.168.1.1/24 dev eth0
ip -n server addr add 192.168.1.9/24 dev eth0
ip -n server addr add 10.50.0.1/32 dev lo
ip -n server link set lo up
ip -n server link set eth0 up
ip -n client link set eth0 up
ip -n client route add 10.50.0.1 via 192.168.1.1
sleep 0.2
for level in 0 1 2; do
    ip netns exec server sysctl -w net.ipv4.conf.all.arp_announce=$level
    for source in 10.50.0.1 192.168.1.9; do
        ip -n server neigh flush all
        ip -n client neigh flush all
        ip netns exec server ping -q -c 1 -I $source 192.168.1.2 | grep received
        sleep 0.1
    done
done
