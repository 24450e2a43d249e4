// Brings the replica set to where the lab begins: m1 leads, the others follow, and all have the same data. Runs in m1.
const { MongoClient } = require('/opt/mongosh/node_modules/mongodb');

const names = ['m1', 'm2', 'm3'];
const wanted = names.map((name, n) => ({ _id: n + 1, host: `${name}:27017` }));
const end = Date.now() + 80_000;

const pause = () => new Promise((done) => setTimeout(done, 100));

/** Tries until it works; fails with the last error when the time is over. */
async function until(what, attempt) {
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

const same = (config) =>
  config.members.length === 3 &&
  config.members.every(({ _id, host, priority, votes, hidden, secondaryDelaySecs, arbiterOnly }, n) =>
    _id === n + 1 && host === wanted[n].host && priority === 1 && votes === 1 && !hidden && !arbiterOnly && Number(secondaryDelaySecs) === 0);

async function main() {
  const clients = names.map((name) => new MongoClient(`mongodb://${name}:27017/?directConnection=true&serverSelectionTimeoutMS=2000`));
  const [m1] = clients;
  const admin = m1.db('admin');
  await Promise.all(clients.map((client, n) => until(names[n], () => client.db('admin').command({ ping: 1 }))));

  let config;
  try {
    ({ config } = await admin.command({ replSetGetConfig: 1 }));
  } catch (error) {
    if (error.code !== 94) throw error;
    await admin.command({ replSetInitiate: { _id: 'rs0', members: wanted } });
  }
  if (config && !same(config)) {
    await admin.command({ replSetReconfig: { ...config, members: wanted, version: config.version + 1 }, force: true });
  }

  await until('m1 leads', async () => {
    if ((await admin.command({ hello: 1 })).isWritablePrimary) return true;
    // A member that was asked to step down does not stand for election for a minute.
    await admin.command({ replSetFreeze: 0 }).catch(() => {});
    await admin.command({ replSetStepUp: 1 }).catch(() => {});
    return false;
  });
  await until('m2 and m3 follow', async () => {
    const { members } = await admin.command({ replSetGetStatus: 1 });
    return members.every(({ stateStr }) => ['PRIMARY', 'SECONDARY'].includes(stateStr));
  });

  const { defaultWriteConcern } = await admin.command({ getDefaultRWConcern: 1 });
  if (defaultWriteConcern?.w !== 'majority' || defaultWriteConcern.wtimeout) {
    await admin.command({ setDefaultRWConcern: 1, defaultWriteConcern: { w: 'majority' }, defaultReadConcern: { level: 'local' } });
  }
  const { databases } = await admin.command({ listDatabases: 1, nameOnly: true });
  for (const { name } of databases) {
    if (!['admin', 'config', 'local'].includes(name)) await m1.db(name).dropDatabase({ writeConcern: { w: 3 } });
  }
  const hall = m1.db('hall');
  for (const name of ['shows', 'holds', 'tickets', 'payments', 'views', 'ticks']) {
    await hall.createCollection(name, { writeConcern: { w: 3 } });
  }
  // The record of writes, which tells what each waited for.
  await Promise.all(clients.map((client) => client.db('hall').command({ profile: 1, filter: { op: { $in: ['insert', 'update'] }, ns: { $in: ['hall.payments', 'hall.views'] } } })));
  await Promise.all(clients.map((client) => client.close()));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
