ip link set lo up
ip addr add 10.0.0.2/32 dev lo
printf 'nameserver 10.0.0.2\nsearch test\n' > resolv.conf
printf '127.0.0.1 localhost\n10.0.0.7 seven.test seven\n' > hosts
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
python3 -m emu.apps.dns_server web.test=10.0.0.80 web.test=10.0.0.81 'www.test=CNAME web.test.' '2.0.0.10.in-addr.arpa=PTR ns.test.' \
    'test=NS ns.test.' ns.test=10.0.0.2 'txt.test=TXT hello' '_http._tcp.test=SRV 0 5 80 web.test.' 'test=MX 10 mail.test.' > /dev/null &
sleep 3
show() { echo "== $*"; "$@"; echo "status $?"; }
show dig web.test
show dig +short www.test
show dig www.test +noall +answer
show dig @10.0.0.2 -x 10.0.0.2
show dig -x 10.0.0.2 +short
show dig nosuch.test
show dig +short nosuch.test
show dig MX test +noall +answer
show dig -t TXT txt.test +short
show dig SRV _http._tcp.test +short
show dig AAAA web.test +noall +answer +comments
show dig @10.0.0.2 -p 5353 +time=1 +tries=1 web.test
show dig web +short
show dig +search web +short
show dig -q web.test -t A +nocmd +nostats
show dig +bogus web.test
show dig -4 +nocomments +noquestion +nostats +nocmd web.test A IN
show dig a..b
show host web.test
show host www.test
show host 10.0.0.2
show host nosuch.test
show host web
show host -t mx test
show host -t A web.test 10.0.0.2
show host -t AAAA web.test
show nslookup web.test
show nslookup www.test 10.0.0.2
show nslookup nosuch.test
show nslookup 10.0.0.2
show nslookup -type=mx test
for database in hosts ahosts ahostsv4; do
    for key in web.test www.test nosuch.test 10.0.0.2 localhost seven seven.test web; do
        show getent $database $key
    done
done
