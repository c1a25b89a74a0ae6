# ss shows who listens and who is connected; scripts look there for a server that is up.
# expect: status 0
# expect: output ^LISTEN 0 +1 +0.0.0.0:9000 +0.0.0.0:\*
# expect: output ^UNCONN 0 +0 +0.0.0.0:5353 +0.0.0.0:\*
# expect: output ^0 +0 +10.0.0.1:4000 +10.0.0.2:9000
# expect: output ^users 3$
# expect: output ^gone$
# expect: client.eth0 tx tcp 4000>9000 S = 1
# needs: nc ss
# quick
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n client link set eth0 up
ip -n server link set eth0 up
sleep 0.2
ip netns exec server nc -l 9000 > /dev/null &
ip netns exec server nc -u -l 5353 > /dev/null &
until ip netns exec server ss -Htln 'sport = :9000' | grep -q LISTEN; do sleep 0.1; done
ip netns exec server ss -tln
ip netns exec server ss -uln
sleep 0.6 | ip netns exec client nc -N -p 4000 10.0.0.2 9000 &
sleep 0.3
ip netns exec client ss -tn state established '( dport = :9000 )'
echo "users $(ip netns exec server ss -tlunpa | grep -c 'users:((\"nc\"')"
sleep 0.6
ip netns exec server ss -tn | grep -q 9000 || echo gone
