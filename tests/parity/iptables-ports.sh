# Ports: one, a range, a list of both by multiport, negated; TCP and UDP apart. A scan finds what the rules let through.
# expect: status 0
# expect: output ^open: 80 81 85 443 8080 8081$
# expect: red.eth0 rx tcp .* RA = 6
# expect: red.eth0 rx icmp 3/3 port unreachable = 4
ip netns add red
ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0 && ip -n blue link set eth0 up
ip -n blue link set lo up

b="ip netns exec blue iptables"
$b -A INPUT -p tcp --dport 80 -j ACCEPT
$b -A INPUT -p tcp -m tcp --sport 1024: --dport 81:82 -j ACCEPT
$b -A INPUT -p tcp -m multiport --dports 443,8080:8081,9000 -j ACCEPT
$b -A INPUT -p tcp -m multiport ! --ports 1:84,86:65535 -j LOG
$b -A INPUT -p tcp -m multiport ! --dports 1:84,86:65535 -j ACCEPT
$b -A INPUT -p tcp ! --dport 1:1023 -m multiport --sports 1:1023 -j ACCEPT
$b -A INPUT -p tcp -j REJECT --reject-with tcp-reset
$b -A INPUT -p udp ! --dport 53 -m udp -m multiport ! --destination-ports 67,68 -j REJECT
$b -A INPUT -p udp -m multiport --ports 53,67:68

for port in 79 80 81 85 442 443 8080 8081 8082; do ip netns exec blue nc -l -k -p $port </dev/null >/dev/null & done
sleep 0.3
open=""
for port in 79 80 81 82 85 442 443 8080 8081 8082 9000 9001; do
    if ip netns exec red nc -z -w 1 10.0.0.2 $port; then open+=" $port"; fi
done
echo "open:$open"

for port in 53 67 68 69; do echo "q$port" | ip netns exec red nc -u -w 1 -p 5$port 10.0.0.2 $port; done
$b -L INPUT -n -v -x --line-numbers
$b -S INPUT
kill $(jobs -p); wait
