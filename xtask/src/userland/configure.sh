# Run in a guest, in the root of the unpacked packages: the remaining steps of their installation.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C

# The files belong to the user who unpacked them, who could not change their owner.
chown -hR 0:0 /bin /sbin /lib* /etc /home /opt /root /srv /usr /var /tmp /run 2>/dev/null || true
while read -r mode path; do chmod "$mode" "$path"; done < /setuid
chmod 1777 /tmp /var/tmp

# Users first: everything that follows gives files to them.
cp -n /usr/share/base-passwd/passwd.master /etc/passwd
cp -n /usr/share/base-passwd/group.master /etc/group
ldconfig
systemd-sysusers >/dev/null 2>&1 || true

# No service may be started in this root.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
dpkg --configure --pending || dpkg --configure --pending
rm /usr/sbin/policy-rc.d

systemd-sysusers
echo guest > /etc/hostname
printf '127.0.0.1 localhost guest\n' > /etc/hosts
: > /etc/fstab
: > /etc/machine-id
# There is no terminal for logins, and no network to wait for.
systemctl mask --quiet getty.target serial-getty@ttyS0.service systemd-networkd-wait-online.service
