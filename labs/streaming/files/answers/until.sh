# bash -s COMMAND: until it succeeds.
for _ in $(seq 100); do
    if eval "$1"; then exit 0; fi
    sleep 1
done
exit 1
