# TCP by its flags: --syn, its negation, --tcp-flags with mask and wanted bits, an option's presence. A host that lets nobody in but may go out.
# expect: status 0
# expect: output ^out: hello$
# expect: output ^in: refused by silence$
# expect: red.eth0 tx tcp .* S seq 0 .* = 1
# expect: red.eth0 rx tcp .* S seq 0 .* = 2

set -e
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up

ip netns exec red iptables -A INPUT -p tcp --tcp-flags SYN,RST,ACK,FIN SYN -j DROP
ip netns exec red iptables -A INPUT -p tcp ! --syn -j ACCEPT
ip netns exec red iptables -A INPUT -p tcp --syn -j LOG
ip netns exec blue iptables -A INPUT -p tcp --tcp-flags ALL SYN
ip netns exec blue iptables -A INPUT -p tcp --tcp-flags SYN,ACK ACK
ip netns exec blue iptables -A INPUT -p tcp --tcp-flags ALL FIN,ACK
ip netns exec blue iptables -A INPUT -p tcp --tcp-flags FIN FIN
ip netns exec blue iptables -A INPUT -p tcp ! --tcp-flags ALL ACK
ip netns exec blue iptables -A INPUT -p tcp --tcp-flags ALL NONE -j DROP
ip netns exec blue iptables -A INPUT -p tcp --tcp-option 2
ip netns exec blue iptables -A INPUT -p tcp ! --tcp-option 8
ip netns exec blue iptables -A INPUT -p tcp --tcp-flags PSH PSH

(echo hello; sleep 0.6) | ip netns exec blue nc -l -p 80 -N >/dev/null &
sleep 0.3
echo "out: $(ip netns exec red nc 10.0.0.2 80 </dev/null)"
wait
sleep 0.3
ip netns exec red nc -l -p 81 </dev/null &
sleep 0.3
if timeout 1.6 ip netns exec blue nc -z 10.0.0.1 81; then echo "in: open"; else echo "in: refused by silence"; fi
kill %+ || true; wait || true
ip netns exec blue iptables -L -v -n -x
ip netns exec red iptables -L INPUT -v
ip netns exec blue iptables -S
