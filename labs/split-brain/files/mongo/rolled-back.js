// Prints what this member took back when it joined the others again: the documents in its rollback files, one a line.
// Usage: node /lab/rolled-back.js COLLECTION
const { readdirSync, readFileSync } = require('fs');
const { deserialize } = require('/opt/mongosh/node_modules/bson');

const folder = '/data/db/rollback';
const wanted = `hall.${process.argv[2] ?? ''}`;
let collections = [];
try {
  collections = readdirSync(folder).filter((name) => name.startsWith(wanted));
} catch (error) {
  if (error.code !== 'ENOENT') throw error;
}
for (const collection of collections) {
  for (const file of readdirSync(`${folder}/${collection}`).sort()) {
    const bytes = readFileSync(`${folder}/${collection}/${file}`);
    for (let at = 0; at < bytes.length; ) {
      const size = bytes.readInt32LE(at);
      console.log(JSON.stringify(deserialize(bytes.subarray(at, at + size))));
      at += size;
    }
  }
}
