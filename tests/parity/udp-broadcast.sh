# Broadcast: only with SO_BROADCAST; to the subnet's address or 255.255.255.255; every socket of that port on every host gets it, one bound to an address
# does not, nobody complains, and it is not routed on.
# expect: status 0
# expect: output ^without -b: 1
# expect: output ^two heard: hello
# expect: output ^three heard: hello
# expect: output ^bound heard: $
# expect: two.eth0 rx ff ip 10.0.0.1>10.0.0.255 ttl 64 df id x . udp p.*>6000 data 6 = 1
# expect: two.eth0 rx ff ip 10.0.0.1>255.255.255.255
# expect: two.eth0 tx icmp = 0
# expect: two.eth1 tx udp = 0
# needs: nc
set -u
ip netns add lan
ip -n lan link add br0 type bridge
ip -n lan link set br0 up
k=0
for n in one two three; do
    k=$((k + 1))
    ip netns add $n
    ip -n $n link add eth0 type veth peer name $n netns lan
    ip -n lan link set $n master br0 up
    ip -n $n link set eth0 up
    ip -n $n addr add 10.0.0.$k/24 brd + dev eth0
done
sleep 0.2
ip -n two link add eth1 type veth peer name eth1p
ip -n two link set eth1 up && ip -n two link set eth1p up
ip -n two addr add 10.0.9.1/24 dev eth1
ip netns exec two sysctl -qw net.ipv4.ip_forward=1
ip -n one route add default via 10.0.0.2
dir=$(mktemp -d)
trap 'rm -r $dir' EXIT
ip netns exec two timeout 2 nc -u -l 6000 > $dir/two &
sleep 0.1
ip netns exec three timeout 2 nc -u -l 6000 > $dir/three &
sleep 0.1
ip netns exec three timeout 2 nc -u -l 10.0.0.3 6001 > $dir/bound &
sleep 0.1
sleep 0.4
echo hello | ip netns exec one nc -u -q 0 -w 1 10.0.0.255 6000
echo "without -b: $?"
echo hello | ip netns exec one nc -b -u -q 0 -w 1 10.0.0.255 6000
sleep 0.1
echo other | ip netns exec one nc -b -u -q 0 -w 1 10.0.0.255 6001
sleep 0.1
ip -n one route add 255.255.255.255 dev eth0
echo limited | ip netns exec one nc -b -u -q 0 -w 1 255.255.255.255 6002
echo nowhere | ip netns exec one nc -b -u -q 0 -w 1 10.0.9.255 6003       # another subnet's: a unicast for one, a broadcast for two
wait
echo "two heard: $(cat $dir/two)"
echo "three heard: $(cat $dir/three)"
echo "bound heard: $(cat $dir/bound)"
