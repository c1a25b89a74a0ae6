ip link set lo up
mkdir pages
echo hello > pages/page
python3 -m http.server 80 --directory pages > /dev/null 2>&1 & sleep 3
show() { echo "== $*"; "$@"; echo "status $?"; }
show wget -qO- http://127.0.0.1/page
show wget -q -O - 127.0.0.1/page
show wget -nv http://127.0.0.1/page -O out
show wget -q http://127.0.0.1/nothing
show wget http://127.0.0.1/nothing
show wget -nv http://127.0.0.1/nothing
show wget -qO- -T 2 -t 1 http://127.0.0.1:81/
show wget -O- -T 2 -t 1 http://127.0.0.1:81/
show wget --spider http://127.0.0.1/page
show wget -q --spider http://127.0.0.1/nothing
show wget
show wget --tries=1 --timeout=1 -qO- http://127.0.0.1/page
rm -r pages out
