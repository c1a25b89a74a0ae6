# nc -k takes one client after the other; who comes meanwhile waits in the backlog, connected and unheard.
# expect: status 0
# expect: output ^first$
# expect: output ^second$
# expect: output ^third$
# expect: server.eth0 tx SA = 3
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
ip netns exec server nc -l -k 9000 > got &
server=$!
sleep 0.3
(echo first; sleep 1.5) | ip netns exec client nc -N 10.0.0.2 9000 &
sleep 0.5
echo second | ip netns exec client nc -N 10.0.0.2 9000 &
sleep 1.5
echo third | ip netns exec client nc -N 10.0.0.2 9000
sleep 0.3
cat got
kill $server
rm got
