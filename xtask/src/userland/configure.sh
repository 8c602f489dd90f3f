# Run in a guest, in the root that packages were unpacked into: what installing them would have done.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C

# The files are those of whoever unpacked them, who could not give them away.
chown -hR 0:0 /bin /sbin /lib* /etc /home /opt /root /srv /usr /var /tmp /run 2>/dev/null || true
while read -r mode path; do chmod "$mode" "$path"; done < /setuid
chmod 1777 /tmp /var/tmp

# Users first: all that follows gives files to them.
cp -n /usr/share/base-passwd/passwd.master /etc/passwd
cp -n /usr/share/base-passwd/group.master /etc/group
ldconfig
systemd-sysusers >/dev/null 2>&1 || true

# Nothing is started in here.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
dpkg --configure --pending || dpkg --configure --pending
rm /usr/sbin/policy-rc.d

systemd-sysusers
echo guest > /etc/hostname
printf '127.0.0.1 localhost guest\n' > /etc/hosts
: > /etc/fstab
: > /etc/machine-id
# There is no terminal to log in at, and no network to wait for.
systemctl mask --quiet getty.target serial-getty@ttyS0.service systemd-networkd-wait-online.service
