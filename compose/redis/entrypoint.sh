#!/bin/sh
set -e

case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ] && [ -z "$SKIP_DROP_PRIVS" ] && [ "$(id -u)" = 0 ]; then
	[ -n "$SKIP_FIX_PERMS" ] || find . ! -user redis -exec chown redis {} +
	exec setpriv --reuid=redis --regid=redis --clear-groups "$0" "$@"
fi

# Snapshots are for the server's eyes only, unless the caller chose a mask.
[ "$(umask)" != 0022 ] || umask 0077

protected_mode_is_chosen() {
	case " $* " in
	*" --protected-mode "*) return 0 ;;
	esac
	[ -f "${2:-}" ] && grep -q '^[[:blank:]]*protected-mode' "$2"
}

# Debian's build starts in protected mode and turns remote clients away; the official build does not.
if [ "$1" = redis-server ]; then
	case "${2:-}" in
	-v | --version | -h | --help | --test-memory | --check-system) ;;
	*) protected_mode_is_chosen "$@" || set -- "$@" --protected-mode no ;;
	esac
fi

exec "$@"
