# recent: a list of addresses that knock. Port 7000 opens port 22 for ten seconds; four pings in a minute are enough.
# expect: status 0
# expect: output ^before: closed$
# expect: output ^after knocking: open$
# expect: output ^ten seconds later: closed$
# expect: output ^pings: 4 of 5$
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up
ip netns exec blue iptables-restore <<'END'
*filter
:INPUT ACCEPT [0:0]
:KNOCK - [0:0]
-A INPUT -p tcp -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 7000 -m recent --name door --set -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m recent --name door --rcheck --seconds 10 --reap -j ACCEPT
-A INPUT -p tcp -m tcp --dport 7001 -m recent --name door --remove -j REJECT --reject-with tcp-reset
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
-A INPUT -p icmp -m recent --name ping --update --seconds 60 --hitcount 4 --rttl -j DROP
-A INPUT -p icmp -m recent --name ping --set -j ACCEPT
-A OUTPUT -p icmp -m recent --name out --rdest --set
-A OUTPUT -p icmp -m recent ! --rcheck --name out
COMMIT
END
ip netns exec blue nc -l -k -p 22 >/dev/null &
sleep 0.3
state() { if sleep 0.2 | ip netns exec red nc -N -w 1 10.0.0.2 22; then echo "$1: open"; else echo "$1: closed"; fi; }
state before
timeout 0.6 ip netns exec red nc -z 10.0.0.2 7000
state "after knocking"
sleep 11
state "ten seconds later"
timeout 0.6 ip netns exec red nc -z 10.0.0.2 7000
state "knocked again"
ip netns exec red nc -z -w 1 10.0.0.2 7001
state "gone"
n=0
for i in 1 2 3 4 5; do ip netns exec red ping -q -c 1 -W 1 10.0.0.2 >/dev/null && n=$((n + 1)); sleep 0.2; done
echo "pings: $n of 5"
ip netns exec blue iptables -L -n -v
ip netns exec blue iptables -S
kill %1; wait
exit 0
