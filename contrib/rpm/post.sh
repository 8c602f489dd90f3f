[ ! -x /usr/bin/systemctl ] || systemctl daemon-reload || :
