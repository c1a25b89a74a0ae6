ip link set lo up; ip link add eth0 type veth peer name e1; ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up; ip link set e1 up
mkdir -p pages/dir; echo hello > pages/page; echo other > pages/other; echo index > pages/dir/index.html
python3 -m http.server 80 --directory pages > /dev/null 2>&1 & sleep 2
show() { echo "== $*"; "$@"; echo "status $?"; }
show curl -s http://127.0.0.1/page http://127.0.0.1/other
show curl -s -w '%{http_code}\n' http://127.0.0.1/dir
show curl -s -L -w '%{http_code} %{num_redirects} %{url_effective}\n' http://127.0.0.1/dir
show curl -s -o /dev/null -o two http://127.0.0.1/page http://127.0.0.1/other
show cat two
show curl -s -O http://127.0.0.1/page
show cat page
show curl -sS --interface lo http://127.0.0.1/page
show curl -sS --interface 127.0.0.1 http://127.0.0.1/page
show curl -sS --interface nosuch http://127.0.0.1/page
show curl -sS --interface 10.9.9.9 http://127.0.0.1/page
show curl -sS --local-port 4000-4010 -w '%{local_port}\n' http://127.0.0.1/page
show curl -sS --retry 2 http://127.0.0.1:81/
show curl -sS --retry 1 --retry-connrefused --retry-delay 1 http://127.0.0.1:81/
show curl
show curl -sk http://127.0.0.1/page
show curl -s --resolve web.test:80:127.0.0.1 http://web.test/page
show curl -sS http://nosuch.test/page
show curl -sS http://127.0.0.1:99999/
show curl -sS -f http://127.0.0.1/nothing
show curl -sS -X POST http://127.0.0.1/page -o /dev/null -w '%{http_code}\n'
show curl -s -I http://127.0.0.1/page
show curl -s -i http://127.0.0.1/nothing
show curl -sS -T pages/page http://127.0.0.1/up -o /dev/null -w '%{http_code}\n'
show curl -sS -m 1 http://10.0.0.9/
show curl -s -v -o /dev/null http://127.0.0.1/page
show curl -sv http://127.0.0.1:81/
show curl -sS -b a=b -u user:pw -e ref -A agent http://127.0.0.1/page
show curl -sS -G -d a=b http://127.0.0.1/page
show curl -sS --max-time x http://127.0.0.1/page
show curl -sS -o /nosuch/x http://127.0.0.1/page
rm -r pages two page
