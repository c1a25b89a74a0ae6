# To itself a host talks over lo, by 127.0.0.1 and by its own address alike, in segments as large as lo carries.
# expect: status 0
# expect: output ^to 127.0.0.1$
# expect: output ^to 10.0.0.2$
# expect: server.lo tx S seq 0 win 65495 \[mss 65495 = 2
# expect: server.eth0 tx tcp = 0
# needs: nc
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n client link set eth0 up
ip -n server link set eth0 up
sleep 0.2
ip netns exec client ping -c 1 10.0.0.2 > /dev/null # they know each other
sleep 0.1
ip -n server link set lo up
for address in 127.0.0.1 10.0.0.2; do
    ip netns exec server nc -l 9000 &
    sleep 0.3
    echo "to $address" | ip netns exec server nc -N $address 9000
    wait
    sleep 0.1
done
