"""A small client of CQL's native protocol (version 4), of the standard library only: it starts much sooner than cqlsh.

It knows the level NODE_LOCAL, which cqlsh does not: one node answers from what it holds itself and asks no other.
"""
import datetime
import ipaddress
import socket
import struct
import time
import uuid

LEVELS = {
    'ANY': 0, 'ONE': 1, 'TWO': 2, 'THREE': 3, 'QUORUM': 4, 'ALL': 5, 'LOCAL_QUORUM': 6, 'EACH_QUORUM': 7,
    'SERIAL': 8, 'LOCAL_SERIAL': 9, 'LOCAL_ONE': 10, 'NODE_LOCAL': 11,
}
EPOCH = datetime.datetime(1970, 1, 1)
UUID_EPOCH = 0x01b21dd213814000


class Refused(Exception):
    """The server refused a statement."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        part = self.data[self.at:self.at + size]
        self.at += size
        return part

    def number(self, form):
        return struct.unpack('>' + form, self.take(struct.calcsize('>' + form)))[0]

    def string(self):
        return self.take(self.number('H')).decode()

    def blob(self):
        size = self.number('i')
        return None if size < 0 else self.take(size)

    def type(self):
        kind = self.number('H')
        if kind == 0:
            return (kind, self.string())
        if kind in (0x20, 0x22):
            return (kind, self.type())
        if kind == 0x21:
            return (kind, self.type(), self.type())
        if kind == 0x30:
            self.string(), self.string()
            return (kind, [(self.string(), self.type()) for _ in range(self.number('H'))])
        if kind == 0x31:
            return (kind, [self.type() for _ in range(self.number('H'))])
        return (kind,)


def value(kind, data):
    """Returns a value as JSON has it; a timeuuid becomes its moment in microseconds."""
    if data is None:
        return None
    one = kind[0]
    if one in (1, 0xd):
        return data.decode()
    if one in (2, 5, 9, 0xe, 0x13, 0x14):
        return int.from_bytes(data, 'big', signed=True)
    if one == 4:
        return data != b'\0'
    if one == 7:
        return struct.unpack('>d', data)[0]
    if one == 8:
        return struct.unpack('>f', data)[0]
    if one == 0xb:
        milliseconds = int.from_bytes(data, 'big', signed=True)
        try:
            return str(EPOCH + datetime.timedelta(milliseconds=milliseconds))
        except OverflowError:
            return milliseconds
    if one == 0x11:
        return str((EPOCH + datetime.timedelta(days=int.from_bytes(data, 'big') - 2**31)).date())
    if one == 0xf:
        return (uuid.UUID(bytes=data).time - UUID_EPOCH) // 10
    if one == 0xc:
        return str(uuid.UUID(bytes=data))
    if one == 0x10:
        return str(ipaddress.ip_address(data))
    if one in (0x20, 0x22):
        parts = Reader(data)
        return [value(kind[1], parts.blob()) for _ in range(parts.number('i'))]
    if one == 0x21:
        parts = Reader(data)
        return {str(value(kind[1], parts.blob())): value(kind[2], parts.blob()) for _ in range(parts.number('i'))}
    return data.hex()


class Node:
    """A connection to one node."""

    def __init__(self, host, timeout=10, port=9042):
        self.host, self.port, self.timeout = host, port, timeout
        self.warnings = []
        self.connect()

    def connect(self):
        self.socket = socket.create_connection((self.host, self.port), self.timeout)
        self.request(1, struct.pack('>H', 1) + text('CQL_VERSION') + text('3.0.0'))

    def request(self, opcode, body):
        if self.socket is None:
            self.connect()
        try:
            self.socket.sendall(struct.pack('>BBhBi', 4, 0, 0, opcode, len(body)) + body)
            _, flags, _, opcode, size = struct.unpack('>BBhBi', self.receive(9))
            answer = Reader(self.receive(size))
        except OSError:
            # A late answer must not be taken for that to the next request.
            self.socket.close()
            self.socket = None
            raise
        if flags & 2:
            answer.take(16)
        self.warnings = [answer.string() for _ in range(answer.number('H'))] if flags & 8 else []
        if opcode == 0:
            raise Refused(answer.number('i'), answer.string())
        return opcode, answer

    def receive(self, size):
        data = b''
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError(f'{self.host} closed the connection')
            data += part
        return data

    def ask(self, statement, level='ONE', agree=True):
        """Runs a statement and returns its rows, each a dict; without rows, an empty list. After a change of tables, waits
        until the nodes know of it, unless `agree` is false."""
        data = statement.encode()
        opcode, answer = self.request(7, struct.pack('>i', len(data)) + data + struct.pack('>HB', LEVELS[level], 0))
        kind = answer.number('i') if opcode == 8 else 0
        if kind == 5 and agree:
            self.wait_for_agreement()
        if kind != 2:
            return []
        flags, count = answer.number('i'), answer.number('i')
        if flags & 2:
            answer.blob()
        if flags & 1:
            answer.string(), answer.string()
        columns = []
        for _ in range(count):
            if not flags & 1:
                answer.string(), answer.string()
            columns.append((answer.string(), answer.type()))
        return [{name: value(kind, answer.blob()) for name, kind in columns} for _ in range(answer.number('i'))]

    def wait_for_agreement(self):
        """Waits until the nodes know the same tables, at most ten seconds, as drivers do after a change of tables."""
        for _ in range(100):
            known = self.ask('SELECT schema_version FROM system.local') + self.ask('SELECT schema_version FROM system.peers_v2')
            if len({row['schema_version'] for row in known}) == 1:
                return
            time.sleep(0.1)


def text(string):
    return struct.pack('>H', len(string)) + string.encode()
