#!/bin/sh
# Starts sshd as the user `git`. GIT_REPOSITORIES are the names of the bare repositories in /srv/git that are made if they are not there.
set -eu

if [ "${1:-}" = sshd ] && [ "$(id -u)" = 0 ]; then
	# New volumes belong to root; what is inside keeps its rights.
	chown git:git /etc/ssh/keys /srv/git
	HOME=/home/git USER=git exec setpriv --reuid=git --regid=git --init-groups "$0" "$@"
fi

if [ "${1:-}" = sshd ]; then
	shift
	key=/etc/ssh/keys/ssh_host_ed25519_key
	[ -e "$key" ] || ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f "$key"
	[ -e /etc/ssh/keys/authorized_keys ] || install -m 600 /dev/null /etc/ssh/keys/authorized_keys
	for name in ${GIT_REPOSITORIES:-}; do
		[ -d "/srv/git/$name.git" ] || git init --quiet --bare "/srv/git/$name.git"
		# A path without a slash in front begins at the home.
		ln -sfn "/srv/git/$name.git" "/home/git/$name.git"
	done
	cd
	exec /usr/sbin/sshd -D -e "$@"
fi

exec "$@"
