// Writes a document two hundred times, and waits each time: `node /lab/write.js 1|journal|majority|3`. Runs beside the primary.
const { MongoClient } = require('/opt/mongosh/node_modules/mongodb');

const [, , level] = process.argv;
const writeConcern = { 1: { w: 1 }, journal: { w: 1, j: true }, majority: { w: 'majority' }, 3: { w: 3 } }[level];

async function main() {
  const client = new MongoClient('mongodb://m1:27017,m2:27017,m3:27017/?replicaSet=rs0&serverSelectionTimeoutMS=15000');
  const ticks = client.db('hall').collection('ticks');
  for (let n = 1; n <= 200; n++) await ticks.updateOne({ _id: level }, { $set: { n } }, { upsert: true, writeConcern });
  console.log('200 writes');
  await client.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
