# User chains: jump and RETURN, falling off the end, goto (which returns past its caller), rename, flush, delete; an unused chain counts nothing.
# expect: status 0
# expect: output ^3 packets transmitted, 3 received
# expect: output ^1 packets transmitted, 0 received
# expect: blue.eth0 rx icmp echo request = 4
# quick
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up
ipt() { ip netns exec blue iptables "$@"; }
for c in one two three four unused; do ipt -N $c; done
ipt -A INPUT -p icmp -j one
ipt -A INPUT -m comment --comment "after one"
ipt -A INPUT -p icmp -g three
ipt -A INPUT -m comment --comment "never: goto does not come back here"
ipt -P INPUT ACCEPT
ipt -A one -j two
ipt -A one -m comment --comment "back in one"
ipt -A one -m length --length 84 -j RETURN
ipt -A one -m comment --comment "only the long ones"
ipt -A one -g four
ipt -A one -m comment --comment "never"
ipt -A two -m length --length 100: -j RETURN
ipt -A two -m comment --comment "short ones"
ipt -A three -j four
ipt -A three -m comment --comment "end of three"
ipt -A four -m comment --comment "end of four"
ipt -A unused -j DROP

ip netns exec red ping -q -c 3 -i 0.2 10.0.0.2
ipt -L -n -v
ipt -I three 1 -s 10.0.0.1 -j DROP
ip netns exec red ping -q -c 1 -W 1 -s 156 10.0.0.2
ipt -E four five
ipt -S
ipt -X unused;  echo "a chain with rules: status $?"
ipt -X five;    echo "a chain that is used: status $?"
ipt -F unused; ipt -X unused; echo "an empty one: status $?"
ipt -F; ipt -X; ipt -L -n
ipt -S
exit 0
