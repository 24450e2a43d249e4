"""Brings the cluster to the start of the lab: what is as it should be stays, so that a reset is quick."""
import json
import os
import socket
import subprocess
import sys
import time
sys.path.insert(0, '/lab')
sys.dont_write_bytecode = True
import cql
import data

NODES = ['c1', 'c2', 'c3']
# The definitions of the tables as the server wrote them down when the lab made them.
RECORD = '/var/lib/cassandra/lab-tables.json'
deadline = time.monotonic() + float(os.environ.get('WITHIN', 540))
nodes = {}


def retry(what, seconds=0.3):
    while True:
        try:
            return what()
        except (cql.Refused, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(seconds)


def connect(name):
    """Returns a connection to a node that sees all three nodes."""
    def try_it():
        node = cql.Node(name, 40)
        node.ask('SELECT view_name FROM system_distributed.view_build_status', 'ALL')
        return node
    return retry(try_it)


def forget_others():
    """Takes nodes that are gone, such as the spare machine, out of the ring."""
    own = {socket.gethostbyname(name) for name in NODES}
    for name in NODES:
        node = retry(lambda: cql.Node(name, 40))
        for other in {row['peer'] for row in node.ask('SELECT peer FROM system.peers_v2')} - own:
            if name == NODES[0]:
                subprocess.run(['nodetool', 'assassinate', other], check=True, stdout=subprocess.DEVNULL)

            def gone():
                if any(row['peer'] == other for row in node.ask('SELECT peer FROM system.peers_v2')):
                    raise cql.Refused(0, f'{name} still counts {other} among the nodes')
            retry(gone)


def literal(one):
    if one is None:
        return 'null'
    return str(one) if isinstance(one, int) else "'" + one + "'"


def definitions(node):
    """Returns everything that describes each table, without what differs from cluster to cluster."""
    found = {}
    for kind in ['tables', 'columns', 'indexes', 'views', 'dropped_columns']:
        for row in node.ask(f'SELECT * FROM system_schema.{kind}'):
            if not row['keyspace_name'].startswith('system'):
                row.pop('id', None)
                name = row['keyspace_name'] + '.' + (row.get('view_name') or row['table_name'])
                if kind == 'indexes':
                    name = row['keyspace_name'] + '.' + row['table_name']
                found.setdefault(name, []).append([kind, json.dumps(row, sort_keys=True)])
    return {name: sorted(rows) for name, rows in found.items()}


def agree():
    """Waits until the nodes agree about the tables."""
    def try_it():
        versions = {row['schema_version'] for node in nodes.values() for row in node.ask('SELECT schema_version FROM system.local')}
        if len(versions) > 1:
            raise cql.Refused(0, f'the nodes do not agree about the tables: {versions}')
    retry(try_it, 0.1)


def change(node, statement):
    """Changes keyspaces or tables on one node. Before the others are asked about them, `agree` has to be called."""
    retry(lambda: node.ask(statement, 'ALL', agree=False))


def held(node, table):
    """Returns what a node holds itself: rows and the times of their writing."""
    example = data.rows(table, 'c1')[0][0]
    cells = list(example)[1:] if table != 'post.todo' else ['what']
    columns = list(example) + [f'writetime({cell}) AS "time {cell}"' for cell in cells]
    if table == 'post.code':
        columns += ['ttl(code) AS "ttl"']
    found = []
    for row in node.ask(f'SELECT {", ".join(columns)} FROM {table}', 'NODE_LOCAL'):
        times = [row.pop(f'time {cell}') for cell in cells]
        if table == 'post.code' and not row.pop('ttl'):
            times.append('for ever')
        found.append(json.dumps([row, times], sort_keys=True))
    return sorted(found)


def wanted(node, table):
    result = []
    for row, time_ in data.rows(table, node.host):
        cells = list(row)[1:] if table != 'post.todo' else ['what']
        result.append(json.dumps([row, [None if row[cell] is None else time_ for cell in cells]], sort_keys=True))
    return sorted(result)


def as_wanted(table):
    """Returns whether the nodes hold a table's rows as at the start of the lab."""
    if data.KEYSPACES[table.split('.')[0]] == 1:
        return sorted(sum((held(node, table) for node in nodes.values()), [])) == wanted(nodes['c1'], table)
    return all(held(node, table) == wanted(node, table) for node in nodes.values())


def only_lacks_rows(table):
    return all(set(held(node, table)) <= set(wanted(node, table)) for node in nodes.values())


def fill_all(table):
    if table == 'post.address':
        for node in nodes.values():
            fill(node, table, 'NODE_LOCAL')
    else:
        fill(nodes['c1'], table, 'ALL')


def mended(table):
    """Returns whether a table is as at the start, after rows that it lacks were written again. Deleted ones stay away."""
    if retry(lambda: as_wanted(table)):
        return True
    if not retry(lambda: only_lacks_rows(table)):
        return False
    fill_all(table)
    return retry(lambda: as_wanted(table))


def fill(node, table, level):
    """Writes the rows of a table in batches, each to one partition or of a few rows."""
    ttl = f' AND TTL {data.WEEKS}' if table == 'post.code' else ''
    batch = []
    rows = data.rows(table, node.host)
    for number, (row, time_) in enumerate(rows):
        names = [name for name in row if row[name] is not None]
        batch.append(
            f'INSERT INTO {table} ({", ".join(names)}) VALUES ({", ".join(literal(row[name]) for name in names)})'
            f' USING TIMESTAMP {time_}{ttl}')
        if len(batch) == 100 or number == len(rows) - 1:
            text = f'BEGIN UNLOGGED BATCH {"; ".join(batch)}; APPLY BATCH' if len(batch) > 1 else batch[0]
            retry(lambda: node.ask(text, level))
            batch = []


def replication(node):
    found = {}
    for row in node.ask('SELECT keyspace_name, replication, durable_writes FROM system_schema.keyspaces'):
        if not row['keyspace_name'].startswith('system'):
            options = row['replication']
            plain = options.get('class', '').endswith('NetworkTopologyStrategy') and set(options) == {'class', 'dc1'}
            found[row['keyspace_name']] = int(options['dc1']) if plain and row['durable_writes'] else 0
    return found


def main():
    forget_others()
    for name in NODES:
        nodes[name] = connect(name)
    c1 = nodes['c1']
    agree()
    record = json.load(open(RECORD)) if os.path.exists(RECORD) else {}

    keyspaces = replication(c1)
    for name, copies in list(keyspaces.items()):
        if data.KEYSPACES.get(name) != copies:
            change(c1, f'DROP KEYSPACE IF EXISTS {name}')
            del keyspaces[name]
    for name, copies in data.KEYSPACES.items():
        if name not in keyspaces:
            change(c1, f"CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = {{'class': 'NetworkTopologyStrategy', 'dc1': {copies}}}")

    # Traces can be read at QUORUM, also while a node is away.
    row = c1.ask("SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = 'system_traces'")[0]
    if row['replication'].get('dc1') != '3':
        change(c1, "ALTER KEYSPACE system_traces WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 3}")

    made = []
    agree()
    found = definitions(c1)
    views = {name for name, rows in found.items() if any(kind == 'views' for kind, _ in rows)}
    for name in views:
        change(c1, f'DROP MATERIALIZED VIEW IF EXISTS {name}')
    for name in set(found) - views:
        if name not in data.TABLES or found[name] != record.get(name) or not mended(name):
            # A late write of before, a hint or an old round of a lightweight transaction goes only with its table.
            change(c1, f'DROP TABLE IF EXISTS {name}')
    found = definitions(c1)
    for name, columns in data.TABLES.items():
        if name not in found:
            change(c1, f'CREATE TABLE IF NOT EXISTS {name} {columns}')
            made.append(name)
    agree()
    if made:
        found = definitions(c1)
        with open(RECORD, 'w') as file:
            json.dump({name: found[name] for name in data.TABLES}, file)

    for table in made:
        fill_all(table)

    for table in ['sessions', 'events']:
        if retry(lambda: c1.ask(f'SELECT session_id FROM system_traces.{table} LIMIT 1', 'ALL')):
            retry(lambda: c1.ask(f'TRUNCATE system_traces.{table}', 'ALL'))


main()
