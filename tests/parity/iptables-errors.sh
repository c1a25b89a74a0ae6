# What iptables refuses, in its own words and with its own exit status: 1 nothing of the kind, 2 bad usage, 3 no such table, 4 the kernel says no.
# expect: status 0
# expect: output No chain/target/match by that name
# expect: output Chain already exists
# expect: output Bad rule \(does a matching rule exist in that chain\?\)
# expect: red.eth0 tx icmp echo request = 1
# quick
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up

try() { ip netns exec red iptables "$@"; echo "status $?: $*"; }
try -A NOCHAIN -j ACCEPT
try -A INPUT -j NOTARGET
try -A INPUT -m nomatch
try -A INPUT -p tcp --dport http-nope -j ACCEPT
try -A INPUT --dport 80 -j ACCEPT
try -A INPUT -p nosuch
try -A INPUT -s 10.0.0.300
try -A INPUT -s 10.0.0.1/33
try -A INPUT -i averyveryverylongname -j DROP
try -A INPUT -o eth0 -j DROP
try -A OUTPUT -i eth0 -j DROP
try -A INPUT -j REJECT --reject-with tcp-reset
try -A INPUT -p tcp -j REJECT --reject-with nonsense
try -A INPUT -m conntrack --ctstate NONSENSE
try -A INPUT -m comment
try -A INPUT -m limit --limit 1/fortnight
try -A INPUT -j DNAT --to-destination 10.0.0.9
try -t nat -A INPUT -j DNAT --to-destination 10.0.0.9
try -t nat -A PREROUTING -j SNAT --to-source 10.0.0.9
try -t nat -A PREROUTING -j DNAT
try -t nat -A PREROUTING -j DNAT --to-destination 10.0.0.9:80
try -t nat -A POSTROUTING -j MASQUERADE --to-ports 80
try -t nat -A PREROUTING -j MASQUERADE
try -t nat -A PREROUTING -j REJECT
try -t nat -A POSTROUTING -j DROP
try -t nosuch -L
try -t raw -A INPUT -j ACCEPT
try -D INPUT -s 10.9.9.9 -j DROP
try -D INPUT 5
try -D INPUT 0
try -R INPUT 1 -j DROP
try -I INPUT 3 -j DROP
try -C INPUT -j DROP
try -L NOCHAIN
try -S NOCHAIN
try -F NOCHAIN
try -X NOCHAIN
try -X INPUT
try -N INPUT
try -N MINE
try -N MINE
try -N ACCEPT
try -N a-name-that-is-much-too-long-for-it
try -A INPUT -j MINE
try -X MINE
try -A MINE -j MINE
try -N OTHER
try -A OTHER -j MINE
try -A MINE -j OTHER
try -E MINE OTHER
try -E NOCHAIN THING
try -P INPUT MAYBE
try -P MINE DROP
try -P NOCHAIN DROP
try -A
try -A INPUT -j
try -A INPUT nonsense
try -A INPUT --nonsense
try -L INPUT -D INPUT 1
try -Z NOCHAIN
try -A INPUT -p tcp -p udp
try -A INPUT -j ACCEPT -j DROP
try -A INPUT ! -j ACCEPT
try
try -S
ip netns exec red ping -c 1 -q 10.0.0.2
exit 0
