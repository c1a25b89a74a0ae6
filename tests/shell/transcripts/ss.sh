ip link set lo up
ip addr add 127.0.0.2/8 dev lo
nc -l -k 0.0.0.0 8000 > /dev/null &
nc -u -l 5353 > /dev/null &
nc -l 127.0.0.1 80 > /dev/null &
sleep 0.6
sleep 5 | nc -p 4000 127.0.0.1 8000 &
sleep 5 | nc -u -p 4001 127.0.0.1 5353 &
sleep 0.4
show() { echo "== ss $*"; ss "$@" | sort; echo "status ${PIPESTATUS[0]}"; } # the kernel lists connections in the order of a hash
for options in -t -un -uln -uan -tunap -tulpn -tl "-H -tln" -4tln -6tln -wa "-tan state time-wait" "-tn state established" "-tan state bogus" \
    "-tan exclude established" "-tan sport = :http" "-tn sport 8000" "-tn src 127.0.0.1:8000" "-tn dport ge :8000" "-tan not sport = :80" \
    "-tln src 127.0.0.1" "-tln src 127.0.0.0/8" "-tln sport = :80 or sport = :8000" "-tan ( sport = :80 or dport = :8000 )" "-tan dst 127.0.0.1:8000" \
    "-tan bogus" "-tan state listening state time-wait" -V; do
    show $options
done
