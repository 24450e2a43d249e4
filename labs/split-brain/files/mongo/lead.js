// Lets this member lead the replica set, and waits until it does: `mongosh --quiet /lab/lead.js`.
const end = Date.now() + 60_000;
let last = 'not in time';
while (!db.hello().isWritablePrimary) {
  if (Date.now() > end) throw new Error(`this member does not lead: ${last}`);
  try {
    // A member that stepped down does not stand for election for a minute.
    db.adminCommand({ replSetFreeze: 0 });
    db.adminCommand({ replSetStepUp: 1 });
  } catch (error) {
    last = error.message;
    sleep(200);
  }
}
print('this member leads');
