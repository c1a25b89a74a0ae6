# What each packet is to its connection: NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED, and where it was translated (SNAT, DNAT); by -m conntrack
# with addresses, ports, direction, status and time left.
# expect: status 0
# expect: blue.eth0 rx icmp echo request
# expect: red.eth0 rx icmp 3/3
set -e
ip netns add red; ip netns add gw; ip netns add blue
ip link add eth0 netns red type veth peer name r0 netns gw
ip link add eth0 netns blue type veth peer name b0 netns gw
ip -n gw addr add 10.1.0.1/24 dev r0; ip -n gw addr add 10.2.0.1/24 dev b0
ip -n red addr add 10.1.0.2/24 dev eth0; ip -n blue addr add 10.2.0.2/24 dev eth0
ip -n gw link set r0 up; ip -n gw link set b0 up; ip -n red link set eth0 up; ip -n blue link set eth0 up
ip -n red route add default via 10.1.0.1; ip -n blue route add default via 10.2.0.1
ip netns exec gw sysctl -qw net.ipv4.ip_forward=1
ip netns exec gw iptables-restore <<'END'
*raw
-A PREROUTING -p icmp -m length --length 128 -j CT --notrack
COMMIT
*nat
-A PREROUTING -p udp -d 10.1.0.1 --dport 53 -j DNAT --to-destination 10.2.0.2:5353
-A POSTROUTING -o b0 -p icmp -j MASQUERADE
COMMIT
*filter
-A FORWARD -m conntrack --ctstate NEW
-A FORWARD -m conntrack --ctstate ESTABLISHED
-A FORWARD -m conntrack --ctstate RELATED
-A FORWARD -m conntrack --ctstate INVALID
-A FORWARD -m conntrack --ctstate UNTRACKED
-A FORWARD -m conntrack --ctstate NEW,ESTABLISHED,RELATED
-A FORWARD -m conntrack ! --ctstate NEW
-A FORWARD -m conntrack --ctstate DNAT
-A FORWARD -m conntrack --ctstate SNAT
-A FORWARD -m conntrack --ctstate SNAT,DNAT
-A FORWARD -m state --state NEW
-A FORWARD -m state ! --state INVALID,UNTRACKED
-A FORWARD -m conntrack --ctproto udp
-A FORWARD -m conntrack ! --ctproto 1
-A FORWARD -m conntrack --ctorigsrc 10.1.0.0/24
-A FORWARD -m conntrack --ctorigdst 10.1.0.1
-A FORWARD -m conntrack ! --ctorigdst 10.1.0.1
-A FORWARD -m conntrack --ctreplsrc 10.2.0.2
-A FORWARD -m conntrack --ctrepldst 10.2.0.1
-A FORWARD -m conntrack --ctorigsrcport 4000
-A FORWARD -m conntrack --ctorigdstport 53
-A FORWARD -m conntrack --ctreplsrcport 5353
-A FORWARD -m conntrack --ctrepldstport 4000:4001
-A FORWARD -m conntrack --ctdir ORIGINAL
-A FORWARD -m conntrack --ctdir REPLY
-A FORWARD -m conntrack --ctstatus NONE
-A FORWARD -m conntrack --ctstatus SEEN_REPLY
-A FORWARD -m conntrack --ctstatus CONFIRMED
-A FORWARD -m conntrack ! --ctstatus ASSURED
-A FORWARD -m conntrack --ctexpire 20:30
-A FORWARD -m conntrack ! --ctexpire 0:100
-A FORWARD -p udp -m conntrack --ctexpire 1:100000
COMMIT
END
ip netns exec red ping -q -c 3 -i 0.2 10.2.0.2
ip netns exec red ping -q -c 2 -i 0.2 -W 1 -s 100 10.2.0.2
echo x | ip netns exec red nc -u -w 1 -p 4000 10.1.0.1 53 || true
echo pong | ip netns exec blue nc -u -l -p 5353 -w 2 >/dev/null &
sleep 0.3
echo y | ip netns exec red nc -u -w 1 -p 4001 10.1.0.1 53
wait
ip netns exec gw iptables -nvL FORWARD
ip netns exec gw iptables -S FORWARD
