# dig asks a name server: an address by way of an alias, a name for an address, a name that is not there, and a server that is not there.
# expect: status 0
# expect: output ^10.0.0.80$
# expect: output ^web.test.$
# expect: output ^server.test.$
# expect: output status: NXDOMAIN
# expect: output nobody: 9
# expect: output ^web.test has address 10.0.0.80$
# expect: client.eth0 tx udp p\d>53 = 5
# expect: client.eth0 rx icmp 3/3 port unreachable = 1
# needs: dig host python3
set -e
ip netns add client
ip netns add server
ip link add eth0 netns client type veth peer name eth0 netns server
ip -n client addr add 10.0.0.1/24 dev eth0
ip -n server addr add 10.0.0.2/24 dev eth0
ip -n client link set eth0 up
ip -n server link set eth0 up
ip netns exec server python3 -m emu.apps.dns_server web.test=10.0.0.80 'www.test=CNAME web.test.' '2.0.0.10.in-addr.arpa=PTR server.test.' &
server=$!
sleep 2.5
dig() { ip netns exec client dig @10.0.0.2 "$@"; }
dig +short www.test
dig +short -x 10.0.0.2
dig nosuch.test | grep -o 'status: [A-Z]*'
ip netns exec client host -t A web.test 10.0.0.2
kill $server
wait $server || true
dig +tries=1 +time=1 web.test || echo "nobody: $?"
