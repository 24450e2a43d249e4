// Prints the documents of BSON files, one a line, as MongoDB's own `bsondump` does: `node /lab/bsondump.js FILE…`.
// Without a file: all that this member took back when it joined the others again.
const { readdirSync, readFileSync } = require('fs');
const { deserialize } = require('/opt/mongosh/node_modules/bson');

function list(folder) {
  try {
    return readdirSync(folder).sort().map((name) => `${folder}/${name}`);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

const given = process.argv.slice(2);
const files = given.length ? given : list('/data/db/rollback').flatMap(list);
for (const file of files) {
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length; ) {
    const size = bytes.readInt32LE(at);
    console.log(JSON.stringify(deserialize(bytes.subarray(at, at + size))));
    at += size;
  }
}
