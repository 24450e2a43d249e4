# bash -s FILE EXPRESSION…: a file of the workspace, changed by sed, in Flink's SQL client. TWICE: its last statement once more.
set -e
file=$1
shift
expressions=()
for expression; do expressions+=(-e "$expression"); done
sed "${expressions[@]}" "$file" > "/tmp/$file"
if [ -n "${TWICE-}" ]; then tail -n 1 "/tmp/$file" > /tmp/last && cat /tmp/last >> "/tmp/$file"; fi
exec sql "/tmp/$file" < /dev/null
