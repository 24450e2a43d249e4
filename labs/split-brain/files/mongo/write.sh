# Writes a document a hundred times, and waits each time as the level says: `sh /lab/write.sh 1|journal|majority|3`.
set=mongodb://m1,m2,m3/hall?replicaSet=rs0
case $1 in
  1) concern='{ w: 1, j: false }' ;;
  journal) concern='{ w: 1, j: true }' ;;
  majority) concern='{ w: "majority" }' ;;
  3) concern='{ w: 3, j: true }' ;;
esac
# mongosh takes long to start; MongoDB's own image has nothing else.
if command -v node >/dev/null; then
  exec node -e "
    const { MongoClient } = require('/opt/mongosh/node_modules/mongodb');
    (async () => {
      const client = new MongoClient('$set');
      const ticks = client.db().collection('ticks');
      for (let n = 1; n <= 100; n++) await ticks.updateOne({ _id: '$1' }, { \$set: { n } }, { upsert: true, writeConcern: $concern });
      await client.close();
      console.log('100 writes');
    })();"
else
  exec mongosh --quiet "$set" --eval "
    for (let n = 1; n <= 100; n++) db.ticks.updateOne({ _id: '$1' }, { \$set: { n } }, { upsert: true, writeConcern: $concern });
    print('100 writes');"
fi
