# Prints what this member took back when it joined the others again: the documents in its rollback files, one a line.
for file in /data/db/rollback/*/*.bson; do
  [ -e "$file" ] || exit 0
  # MongoDB's own image has `bsondump`.
  if command -v bsondump >/dev/null; then
    bsondump --quiet "$file"
  else
    node /lab/bsondump.js "$file"
  fi
done
