# Connection tracking begins with the first rule that needs it, in whatever chain, and ends with the last; what it knows stays. A nat table that
# translates nothing does not start it, and its chains are not even run.
# expect: status 0
# expect: output ^nat rules that translate nothing: 0 connections, counted 0$
# expect: output ^a rule in a chain nobody uses: 1 connections, counted 1$
# expect: output ^that rule gone: 1 connections, counted 1$
# expect: output ^flushed: 0 connections, counted 1$
# expect: host.lo rx echo request
ip link set lo up
count() { conntrack -L 2>/dev/null | wc -l; }
look() {
    ping -q -c 1 -W 1 127.0.0.$((++n)) >/dev/null
    echo "$1: $(conntrack -L 2>/dev/null | wc -l) connections, counted $(iptables -t nat -nvxL OUTPUT | awk 'NR > 2 { sum += $1 } END { print sum + 0 }')"
}
n=0
iptables -t nat -A OUTPUT -j ACCEPT
look "nat rules that translate nothing"
iptables -N UNUSED
iptables -A UNUSED -m conntrack --ctstate NEW
look "a rule in a chain nobody uses"
iptables -F UNUSED
look "that rule gone"
conntrack -F
look "flushed"
for rule in "-t mangle -A OUTPUT -d 10.1.1.1 -j CONNMARK --set-mark 1" "-A OUTPUT -d 10.1.1.1 -m connmark --mark 1" \
    "-A OUTPUT -d 10.1.1.1 -m state --state NEW" "-t nat -A OUTPUT -d 10.1.1.1 -j REDIRECT" "-t nat -A POSTROUTING -d 10.1.1.1 -j MASQUERADE" \
    "-t raw -A OUTPUT -d 10.1.1.1 -j CT --notrack" "-t raw -A OUTPUT -d 10.1.1.1 -j NOTRACK"; do
    for table in filter nat mangle raw; do iptables -t $table -F; done
    conntrack -F 2>/dev/null
    iptables $rule
    look "$rule"
done
exit 0
