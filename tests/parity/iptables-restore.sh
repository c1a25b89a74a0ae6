# iptables-restore: whole tables at once, --noflush, counters taken along or not, a mistake in one line leaves its table as it was,
# --test changes nothing, and what iptables-save prints loads again as the same.
# expect: status 0
# expect: output ^the same$
# expect: output ^restored after an error: 2$
# expect: output ^2 packets transmitted, 2 received
# expect: blue.eth0 rx icmp echo request = 2
# quick
ip netns add red; ip netns add blue
ip link add eth0 netns red type veth peer name eth0 netns blue
ip -n red addr add 10.0.0.1/24 dev eth0; ip -n red link set eth0 up
ip -n blue addr add 10.0.0.2/24 dev eth0; ip -n blue link set eth0 up
b() { ip netns exec blue "$@"; }

b iptables-restore <<'RULES'
# a comment, then an empty line

*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:ALLOW - [0:0]
-A INPUT -j ALLOW
-A ALLOW -p icmp -m icmp --icmp-type 8 -m comment --comment "it's \"quoted\"" -j ACCEPT
-A ALLOW -s 10.0.0.1/32 -p tcp -m multiport --dports 22,80 -j RETURN
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff
COMMIT
RULES
ip netns exec red ping -q -c 2 -i 0.2 10.0.0.2
b iptables-save -c | grep -v '^#'

# --noflush: what the text does not mention stays; a chain it declares is emptied
printf '%s\n' '*filter' ':ALLOW - [0:0]' '-A ALLOW -p icmp -j ACCEPT' '-I INPUT 1 -i lo -j ACCEPT' COMMIT | b iptables-restore --noflush
b iptables -S
# counters: only with -c
echo '*filter
[7:700] -A FORWARD -j ACCEPT
COMMIT' | b iptables-restore -n
echo '*filter
[9:900] -A FORWARD -p tcp -j ACCEPT
COMMIT' | b iptables-restore -n -c
b iptables-save -c -t filter | grep FORWARD

# a bad line
b iptables-restore <<'RULES'
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp --dport 80 -j ACCEPT
-A INPUT -p tcp --nonsense
COMMIT
RULES
echo "status $?"
b iptables-restore -n <<'RULES'
*filter
-A INPUT -j NOCHAIN
COMMIT
RULES
echo "status $?"
b iptables-restore -n <<'RULES'
*filter
-A INPUT -j ACCEPT
-A NOCHAIN -j ACCEPT
COMMIT
RULES
echo "status $?"
b iptables-restore -n <<'RULES'
*filter
-D INPUT -s 9.9.9.9 -j ACCEPT
COMMIT
RULES
echo "status $?"
b iptables-restore -n <<'RULES'
*nat
-A POSTROUTING -j DNAT --to-destination 10.0.0.9
COMMIT
RULES
echo "status $?"
b iptables-restore <<'RULES'
*filter
-A INPUT -j ACCEPT
RULES
echo "status $?"
b iptables-restore <<'RULES'
*nosuch
COMMIT
RULES
echo "status $?"
b iptables-restore <<'RULES'
-A INPUT -j ACCEPT
RULES
echo "status $?"
echo "restored after an error: $(b iptables -S INPUT | grep -c -e -A)"

echo '*filter
-A INPUT -j DROP
COMMIT' | b iptables-restore --test
echo "status $?"
saved=$(mktemp); trap 'rm -f "$saved"' EXIT
b iptables-save >"$saved"
b iptables-restore <"$saved"
if diff <(b iptables-save | sed '/^#/d; s/\[.*\]//') <(sed '/^#/d; s/\[.*\]//' "$saved"); then echo "the same"; fi
b iptables-restore "$saved" && b iptables-save -t mangle | grep -v '^#'
