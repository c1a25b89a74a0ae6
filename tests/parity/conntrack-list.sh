# conntrack -L, -C, -D and -F: what they print, and which connections a filter means.
# expect: status 0
# expect: output conntrack v1.4.7 \(conntrack-tools\): 3 flow entries have been shown
# expect: output conntrack v1.4.7 \(conntrack-tools\): connection tracking table has been emptied
# expect: output conntrack v1.4.7 \(conntrack-tools\): 0 flow entries have been deleted
# expect: blue.eth0 rx udp
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red addr add 10.0.0.3/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up
ip netns exec blue iptables -A INPUT -p udp -m conntrack --ctstate NEW -j ACCEPT
ip netns exec blue iptables -t mangle -A PREROUTING -p udp --dport 54 -j CONNMARK --set-mark 7
ip netns exec blue iptables -A OUTPUT -p icmp --icmp-type 3 -j DROP
for n in red blue; do ip netns exec $n sysctl -qw net.ipv4.neigh.eth0.delay_first_probe_time=60; done
make() {
    ip netns exec red ping -q -c 1 10.0.0.2 >/dev/null
    echo x | ip netns exec red nc -u -w 1 -p 4000 10.0.0.2 53
    echo x | ip netns exec red nc -u -w 1 -s 10.0.0.3 -p 4001 10.0.0.2 54
    timeout 0.6 ip netns exec red nc -z 10.0.0.2 80
    timeout 0.6 ip netns exec red nc -z -s 10.0.0.3 -p 4002 10.0.0.2 81
}
ct() { echo "# conntrack $*"; ip netns exec blue conntrack "$@" 2>&1 | sed -E 's/ [0-9]+ src/ T src/; s/id=[0-9]+/id=I/g' | sort; }
# a silent server, so that connections stay
ip netns exec blue iptables -A INPUT -p tcp -j DROP
make
ct -C
ct -L
ct -L -p udp
ct -L -p tcp --state SYN_SENT
ct -L -p udp --orig-port-dst 54
ct -L -p udp --dport 54
ct -L -s 10.0.0.3
ct -L --src 10.0.0.0/24 -p icmp
ct -L -d 10.0.0.2 -p udp --sport 4000
ct -L --reply-dst 10.0.0.3
ct -L -q 10.0.0.2 -r 10.0.0.2
ct -L -m 7
ct -L --mark 7
ct -L -u UNREPLIED
ct -L -u ASSURED
ct -L -n
ct -D -p udp --dport 9999; ip netns exec blue conntrack -D -p udp --dport 9999 2>/dev/null; echo "status $?"
ct -D -p udp --dport 54
ct -D -s 10.0.0.1 -p icmp
ct -C
ct -F
ct -C
ct -L
ip netns exec blue conntrack -L --nonsense >/dev/null 2>&1; echo "status $?"
ip netns exec blue conntrack -D 2>/dev/null; echo "status $?"
exit 0
