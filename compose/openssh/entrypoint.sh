#!/bin/sh
# Starts sshd as the user `learner`. SSH_PASSWORD, if set, is that user's password.
set -eu

if [ "${1:-}" = sshd ] && [ "$(id -u)" = 0 ]; then
	# New volumes belong to root; what is inside keeps its rights.
	chown learner:learner /etc/ssh/keys /home/learner
	HOME=/home/learner USER=learner exec setpriv --reuid=learner --regid=learner --init-groups "$0" "$@"
fi

if [ "${1:-}" = sshd ]; then
	shift
	key=/etc/ssh/keys/ssh_host_ed25519_key
	[ -e "$key" ] || ssh-keygen -q -t ed25519 -N '' -C "$(hostname)" -f "$key"
	[ -z "${SSH_PASSWORD:-}" ] || printf 'learner:%s\n' "$(openssl passwd -6 "$SSH_PASSWORD")" > /etc/ssh/keys/passwords
	unset SSH_PASSWORD
	cd
	exec /usr/sbin/sshd -D -e "$@"
fi

exec "$@"
