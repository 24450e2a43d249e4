// Runs once, by the image's entrypoint, on a server that listens to this container only and asks for no password.
rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: 'localhost:27017' }] });
while (!db.hello().isWritablePrimary) sleep(10);
db.getSiblingDB('admin').createUser({ user: 'lab', pwd: 'lab', roles: ['root'] });
