"""What the lab begins with: tables of the keyspaces `post` and `claims`, and what each node holds of them."""
import datetime

DAY = datetime.datetime(2026, 3, 2)
# The seed's own clock, in microseconds: 1 March 2026. What a learner writes is later.
ENTERED = 1772323200000000
# The scanner whose clock was wrong: 1 January 2031.
FAST_CLOCK = 1924992000000000
WEEKS = 14 * 24 * 3600

TABLES = {
    'post.scan': '(id int PRIMARY KEY, parcel text, at timestamp, day date, depot text, what text)',
    'post.parcel': "(parcel text PRIMARY KEY, state text, place text) WITH speculative_retry = 'NEVER'",
    'post.address': '(parcel text PRIMARY KEY, street text, door text)',
    'post.contact': '(parcel text PRIMARY KEY, phone text, note text)',
    'post.locker': '(box text PRIMARY KEY, parcel text)',
    'post.code': '(parcel text PRIMARY KEY, code text, phone text)',
    'post.todo': '(depot text, at timestamp, id int, what text, PRIMARY KEY (depot, at, id))',
    'claims.claim': '(parcel text PRIMARY KEY, customer text, euros int)',
}
KEYSPACES = {'post': 3, 'claims': 1}


def scans():
    stops = {
        'P-1001': 'SEOUL DAEJEON BUSAN', 'P-1002': 'SEOUL DAEJEON GWANGJU', 'P-1003': 'INCHEON SEOUL', 'P-1004': 'SEOUL BUSAN',
        'P-1005': 'BUSAN DAEJEON SEOUL', 'P-1006': 'GWANGJU DAEJEON SEOUL', 'P-1007': 'JEJU BUSAN', 'P-1008': 'BUSAN SEOUL INCHEON',
        'P-1009': 'DAEJEON BUSAN',
    }
    rows = []
    for start, (parcel, route) in enumerate(stops.items()):
        for number, depot in enumerate(route.split()):
            for step, what in enumerate(['arrived', 'loaded']):
                at = DAY + datetime.timedelta(hours=7 + 15 * number + 3 * step, minutes=20 * (start % 3))
                # At P-1004's second depot, the belt and the scale scan at the same second.
                if parcel == 'P-1004' and number == 1:
                    at, what = at - datetime.timedelta(hours=3 * step), ['arrived', 'weighed'][step]
                rows.append({'parcel': parcel, 'at': str(at), 'day': str(at.date()), 'depot': depot, 'what': what})
    rows.sort(key=lambda row: (row['at'], row['parcel'], row['what']))
    return [{'id': number + 1, **row} for number, row in enumerate(rows)]


def addresses(node):
    rows = []
    for number in range(40):
        row = {'parcel': f'P-{4001 + number}', 'street': f'Hanji-ro {3 * number + 7}', 'door': f'{number % 9 + 1}0{number % 4 + 1}'}
        # While c3 was away, twelve parcels came and six people moved.
        moved = number % 5 == 2
        if node != 'c3':
            rows.append((row, ENTERED + (60_000_000 if moved else 0)))
        elif number < 28:
            rows.append(({**row, 'street': f'Old-gil {number + 2}'} if moved else row, ENTERED))
    return rows


def todos():
    at = datetime.datetime(2026, 3, 1)
    rows = [
        {'depot': 'BUSAN', 'at': str(at + datetime.timedelta(minutes=2 * number)), 'id': number + 1, 'what': f'check pallet {number + 1}'}
        for number in range(1500)
    ]
    return rows + [
        {'depot': 'BUSAN', 'at': f'2026-03-04 0{number}:15:00', 'id': 1501 + number, 'what': what}
        for number, what in enumerate(['mend the belt', 'check pallet 1501', 'call the driver'])
    ]


def rows(table, node):
    """Returns what a node holds at the start: pairs of a row and the time of its writing."""
    if table == 'post.scan':
        return [(row, ENTERED) for row in scans()]
    if table == 'post.parcel':
        return [({'parcel': f'P-{3001 + n}', 'state': 'on the way', 'place': 'DAEJEON'}, ENTERED) for n in range(6)]
    if table == 'post.address':
        return addresses(node)
    if table == 'post.contact':
        return [
            ({'parcel': 'P-5001', 'phone': '010-5555-0199', 'note': 'ring twice'}, FAST_CLOCK),
            ({'parcel': 'P-5002', 'phone': '010-5555-0122', 'note': 'leave at the door'}, ENTERED),
        ]
    if table == 'post.locker':
        return [({'box': f'SEOUL-{n}', 'parcel': None if n in (5, 7) else f'P-{6900 + n}'}, ENTERED) for n in range(1, 9)]
    if table == 'post.code':
        return [({'parcel': 'P-7001', 'code': '4711', 'phone': '010-5555-0171'}, ENTERED)]
    if table == 'post.todo':
        return [(row, ENTERED) for row in todos()]
    return [({'parcel': f'P-{8001 + n}', 'customer': f'customer {n * 37 % 100}', 'euros': 15 + n * 7 % 60}, ENTERED) for n in range(30)]
