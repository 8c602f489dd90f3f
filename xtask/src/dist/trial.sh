# In a guest with Debian: the package is installed, its service runs, and a purge leaves nothing.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C
fail() { echo "trial: $1" >&2; exit 1; }
systemctl is-system-running --wait >/dev/null || true
files() { find / -xdev \( -path /var/log -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /var/cache -o -path /tmp -o -path /var/tmp \
    -o -path /var/lib/postgresql -o -path /var/lib/redis \) -prune -o -print | sort; }
files >/tmp/before

dpkg --install /bin/memcg-trace_*.deb
cd /
[ "$(command -v memcg-trace)" = /usr/bin/memcg-trace ] || fail "it is not in PATH"
memcg-trace --version
! systemctl is-enabled --quiet memcg-trace || fail "nobody asked for the service"
! systemctl is-active --quiet memcg-trace || fail "nobody asked for the service"
memcg-trace zombies --json >/tmp/zombies
grep -q '"type":"zombie"' /tmp/zombies || fail "no answer"

# The configuration file is read by the service.
sed -i 's/^#max-series = .*/max-series = 777/' /etc/memcg-trace.toml
memcg-trace schema memcg >/dev/null
systemctl enable --now memcg-trace
systemctl is-active memcg-trace
ask='exec 3<>/dev/tcp/127.0.0.1/10977; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3'
tries=0
until bash -c "$ask" 2>/dev/null | grep -q '^memcg_trace_snapshots_total'; do
    tries=$((tries + 1)) && [ $tries -lt 300 ] || fail "the service shows no metrics"
    sleep 1
done

# A key that no flag has: the service does not start, and says why.
echo 'intervall = 3' >>/etc/memcg-trace.toml
! memcg-trace schema memcg 2>/tmp/refused >/dev/null || fail "a wrong file was taken"
cat /tmp/refused
grep -q '/etc/memcg-trace.toml: line .*intervall' /tmp/refused || fail "it does not say why"
sed -i '/^intervall/d' /etc/memcg-trace.toml

# The same version again, as an upgrade: the service goes on, and the changed file is kept.
dpkg --install /bin/memcg-trace_*.deb </dev/null
systemctl is-active memcg-trace
grep -q '^max-series = 777' /etc/memcg-trace.toml || fail "the changed file was not kept"

dpkg --remove memcg-trace
! systemctl is-active --quiet memcg-trace || fail "the service goes on after a removal"
[ -e /etc/memcg-trace.toml ] || fail "a removal took the configuration"
dpkg --purge memcg-trace
files >/tmp/after
diff /tmp/before /tmp/after || fail "a purge leaves these files"
! dpkg --status memcg-trace >/dev/null 2>&1 || fail "dpkg still knows it"

# The image of nothing but the program, in a store of its own.
cd "$(mktemp -d)"
dpkg-deb --extract /bin/memcg-trace_*.deb unpacked
cp unpacked/usr/bin/memcg-trace unpacked/usr/share/doc/memcg-trace/THIRD-PARTY-LICENCES .
touch LICENSE-MIT LICENSE-APACHE
pod() { podman --root "$PWD/store" --runroot "$PWD/run" --storage-driver vfs "$@"; }
pod build --quiet --tag memcg-trace --file /bin/Containerfile .
pod run --rm --network none memcg-trace --version
