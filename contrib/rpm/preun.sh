# Not for an upgrade.
[ "$1" -ne 0 ] || [ ! -x /usr/bin/systemctl ] || systemctl --quiet disable --now memcg-trace.service || :
