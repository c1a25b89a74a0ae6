# What is larger than a segment goes out in segments of 1448 bytes, as many as the receiver and the first window allow.
# expect: status 0
# expect: output ^7240 
# expect: client.eth0 tx data 1448 = 5
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
ip netns exec server nc -l 9000 > got &
sleep 0.3
seq 1 100000 | head -c 7240 | ip netns exec client nc -N 10.0.0.2 9000
wait
echo $(wc -c < got) $(cksum < got)
rm got
