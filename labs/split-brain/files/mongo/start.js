// Brings the replica set to where the lab begins: m1 leads, the others follow, and all have the same data. Runs in m1.
const { MongoClient } = require('/opt/mongosh/node_modules/mongodb');
const { lead, until } = require('/lab/lead.js');

const names = ['m1', 'm2', 'm3'];
const wanted = names.map((name, n) => ({ _id: n + 1, host: `${name}:27017` }));

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
    // Alone, it leads at once; three would first wait for each other.
    await admin.command({ replSetInitiate: { _id: 'rs0', members: wanted.slice(0, 1) } });
    await until('m1 leads', async () => (await admin.command({ hello: 1 })).isWritablePrimary);
    ({ config } = await admin.command({ replSetGetConfig: 1 }));
  }
  if (!same(config)) {
    await admin.command({ replSetReconfig: { ...config, members: wanted, version: config.version + 1 }, force: true });
  }
  await lead(m1);
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
  for (const name of ['shows', 'holds', 'tickets', 'payments', 'views', 'ticks']) {
    await m1.db('hall').createCollection(name, { writeConcern: { w: 3 } });
  }
  // A record of inserts, which tells what each waited for.
  const filter = { op: 'insert', ns: { $in: ['hall.payments', 'hall.views'] } };
  await Promise.all(clients.map((client) => client.db('hall').command({ profile: 1, filter })));
  await Promise.all(clients.map((client) => client.close()));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
