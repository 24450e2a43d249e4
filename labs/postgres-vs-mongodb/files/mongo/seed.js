// The lab's starting point. `start` copies it from `lab_start` into `lab`; the learner's user may only read it.
// ../postgres/seed.sql holds the same consultants, time sheets and expense claims.
const start = db.getSiblingDB('lab_start');
const archive = db.getSiblingDB('archive');
const pad = (number) => String(number).padStart(4, '0');
const date = (year, month, day) => new Date(Date.UTC(year, month - 1, day));
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const first = ['Mina', 'Jonas', 'Aiko', 'Daniel', 'Lucia', 'Seojun', 'Elif', 'Tom', 'Priya', 'Hana',
  'Marek', 'Grace', 'Omar', 'Ines', 'Lukas', 'Yuna', 'Felix', 'Noor', 'Diego', 'Sofia'];
const last = ['Park', 'Weber', 'Tanaka', 'Osei', 'Romero', 'Lee', 'Kaya', 'Becker', 'Nair', 'Choi', 'Nowak', 'Kim'];
const teams = ['Data', 'Cloud', 'Security', 'Design'];

start.consultants.insertMany(range(1, 240).map((i) => {
  const names = [first[(i - 1) % 20], last[(Math.floor((i - 1) / 20) + (i - 1) % 20) % 12]];
  const phones = [];
  if (i % 10 !== 0) phones.push({ kind: 'mobile', number: `+00 10 ${pad(i)}` });
  if (i % 3 === 0) phones.push({ kind: 'office', number: `+00 20 ${pad(i)}` });
  return {
    _id: i,
    name: names.join(' '),
    email: `${names.join('.').toLowerCase()}@maru.example`,
    team: { _id: 1 + (i - 1) % 4, name: teams[(i - 1) % 4] },
    // Whoever has no phone has no such field: the application never wrote one.
    ...(phones.length > 0 && { phones }),
    schedules: range(1, i % 5).map((k) => ({
      client: `C-${pad((i * 37 + k * 101) % 2000 + 1)}`,
      day: date(2026, 3, 1 + (i + 7 * k) % 28),
      hours: 2 + (i + k) % 7,
    })),
    // Last week's release of the application began to write this field.
    ...([7, 77, 177].includes(i) && { billable: false }),
  };
}));

start.expenses.insertMany(range(1, 60).map((i) => ({
  _id: i,
  consultant: 1 + Math.floor((i - 1) / 3),
  receipt: `R-${1 + (i - 1) % 3}`,
  cents: 500 + i * 733 % 9500,
  currency: ['EUR', 'USD', 'GBP'][i % 3],
  spent_on: date(2026, 1, 5 + i),
})));
// Four ways in which a year of writers without a schema went wrong.
start.expenses.updateOne({ _id: 13 }, [{ $set: { cents: { $toString: '$cents' } } }]);
start.expenses.updateOne({ _id: 27 }, { $rename: { cents: 'cent' } });
start.expenses.updateOne({ _id: 41 }, { $mul: { cents: -1 } });
start.expenses.updateOne({ _id: 54 }, { $set: { currency: 'eur' } });

// What concerns a team alone is in one place; a consultant's document refers to it by the team's number.
start.teams.insertMany([{ _id: 1, floor: 3 }, { _id: 2, floor: 5 }, { _id: 3, floor: 5 }, { _id: 4, floor: 2 }]);

start.budgets.insertOne({ _id: 2026, data: 5000, cloud: 800, security: 2600, design: 1500, transfers: [] });
// The application took 300 from the one document and crashed before it could add them to the other.
start.crashed.insertMany([{ _id: 'cloud', budget: 500 }, { _id: 'data', budget: 5000 }]);
// The same budgets, one document each, for transactions over several of them.
start.accounts.insertMany([
  { _id: 'data', budget: 5000 }, { _id: 'cloud', budget: 800 }, { _id: 'security', budget: 2600 }, { _id: 'design', budget: 1500 },
]);

start.journal.insertOne({
  _id: 7,
  consultant: 'Elif Kaya',
  notes: range(1, 2000).map((seq) => ({
    seq,
    at: new Date(Date.UTC(2024, 0, 1) + seq * 8 * 3600 * 1000),
    text: `Visit ${seq}: talked through the open points and agreed on the next steps.`,
  })),
});

// Made by the server: sending 120,000 documents from here would take several times as long.
archive.aggregate([
  { $documents: [{ i: { $range: [0, 120000] } }] },
  { $unwind: '$i' },
  { $set: { day: { $toInt: { $floor: { $divide: ['$i', 240] } } } } },
  { $project: {
    _id: { $add: ['$i', 1] },
    consultant: { $add: [{ $mod: ['$i', 240] }, 1] },
    client: { $concat: ['C-', { $substrBytes: [{ $toString: { $add: [{ $mod: [{ $multiply: ['$i', 7919] }, 2000] }, 10001] } }, 1, 4] }] },
    day: { $dateAdd: { startDate: date(2024, 1, 1), unit: 'day', amount: '$day' } },
    // Two longer entries make it matter where March ends, as in ../postgres/seed.sql.
    minutes: { $multiply: [30, { $add: [
      1, { $mod: [{ $add: [{ $mod: ['$i', 97] }, { $mod: ['$i', 89] }, '$day'] }, 16] }, { $cond: [{ $in: ['$i', [109418, 109518]] }, 2, 0] },
    ] }] },
  } },
  { $out: 'timesheet' },
]);

// The lab's user is an administrator so far. From now on it may do anything with `lab`, read the template, and read and index the
// archive; so whatever the learner does, a reset need not copy 120,000 documents.
const admin = db.getSiblingDB('admin');
admin.createRole({
  role: 'learner',
  privileges: [
    { resource: { db: 'archive', collection: 'timesheet' },
      actions: ['find', 'listIndexes', 'createIndex', 'dropIndex', 'collStats', 'indexStats', 'killCursors', 'planCacheRead'] },
    { resource: { db: 'archive', collection: '' }, actions: ['listCollections', 'dbStats'] },
    // What the server did lately (its oplog and its starts), and the default that decides when a write counts as done.
    { resource: { db: 'local', collection: '' }, actions: ['find'] },
    { resource: { cluster: true }, actions: ['serverStatus', 'replSetGetStatus', 'getDefaultRWConcern', 'setDefaultRWConcern'] },
  ],
  roles: [],
});
admin.updateUser('lab', {
  roles: [
    { role: 'readWrite', db: 'lab' },
    { role: 'dbAdmin', db: 'lab' },
    { role: 'read', db: 'lab_start' },
    { role: 'learner', db: 'admin' },
  ],
});
