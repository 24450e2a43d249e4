#!/bin/sh
# Starts mongod, given as arguments, as the only member of the replica set rs0: `start.sh mongod OPTIONS…`.
# Members of a replica set prove to each other who they are with a key, so logins require a key file, even if there is one member.
set -eu
key=/data/configdb/keyfile
if [ ! -e "$key" ]; then
  head -c 96 /dev/urandom | base64 >"$key.new"
  chmod 400 "$key.new"
  chown mongodb:mongodb "$key.new"
  mv "$key.new" "$key"
fi
exec docker-entrypoint.sh "$@" --replSet rs0 --keyFile "$key"
