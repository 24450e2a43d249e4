// Lets this member lead the replica set, and waits until it does: `node /lab/lead.js`.
const { MongoClient } = require('/opt/mongosh/node_modules/mongodb');

const pause = () => new Promise((done) => setTimeout(done, 100));

/** Tries until it works; fails with the last error when the time is over. */
async function until(what, attempt, end = Date.now() + 60_000) {
  for (let last; ; await pause()) {
    try {
      const value = await attempt();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`${what}: ${last?.message ?? 'not in time'}`);
  }
}

/** Lets the member lead to which this client is connected. */
async function lead(client) {
  const admin = client.db('admin');
  await until('it leads', async () => {
    if ((await admin.command({ hello: 1 })).isWritablePrimary) return true;
    // A member that was told to step down does not stand for election for a minute.
    await admin.command({ replSetFreeze: 0 }).catch(() => {});
    await admin.command({ replSetStepUp: 1 });
    return false;
  });
}

async function main() {
  const client = new MongoClient('mongodb://localhost:27017/?directConnection=true');
  await lead(client);
  console.log('this member leads');
  await client.close();
}

module.exports = { lead, until };

if (require.main === module) {
  main().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
