// Prints the documents of a BSON file, one a line, as MongoDB's `bsondump` does: `node /lab/bsondump.js FILE`.
const { readFileSync } = require('fs');
const { deserialize } = require('/opt/mongosh/node_modules/bson');

const bytes = readFileSync(process.argv[2]);
for (let at = 0; at < bytes.length; ) {
  const size = bytes.readInt32LE(at);
  console.log(JSON.stringify(deserialize(bytes.subarray(at, at + size))));
  at += size;
}
