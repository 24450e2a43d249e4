#!/bin/sh
# As the official image: scripts in /docker-entrypoint.d run in the order of their names before the server starts.
set -e
if [ "${1:-}" = nginx ]; then
	for script in /docker-entrypoint.d/*; do
		case $script in
		*.envsh) [ ! -x "$script" ] || . "$script" ;;
		*.sh) [ ! -x "$script" ] || "$script" ;;
		esac
	done
fi
exec "$@"
