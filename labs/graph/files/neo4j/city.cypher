// The city: 4,000 people who know each other, pay in 40 shops and send each other money. The same formulas are in postgres/10-city.sql.
CREATE INDEX lab_person FOR (p:Person) ON (p.id);
CREATE INDEX lab_shop FOR (s:Shop) ON (s.id);
UNWIND range(0, 3999) AS i
CREATE (:Person {id: 1000 + i, name: ['Ara', 'Bora', 'Chan', 'Dana', 'Eun', 'Gyu', 'Hana', 'Iseul', 'Jae', 'Kiho'][i % 10] + ' ' +
  ['Ahn', 'Bae', 'Cho', 'Do', 'Go', 'Han', 'Im', 'Jo', 'Kim', 'Lee'][i / 10 % 10], phone: '010-' + toString(1000 + i / 500) + '-' + toString(1000 + i * 7 % 9000)});
UNWIND range(1, 40) AS i CREATE (:Shop {id: 'S-' + toString(100 + i), name: 'Shop ' + toString(i)});
UNWIND range(0, 3999) AS i UNWIND range(1, 10) AS k
WITH i, (i * (2 * k + 1) + 173 * k * k + 7) % 4000 AS j WHERE i <> j
WITH DISTINCT CASE WHEN i < j THEN i ELSE j END AS a, CASE WHEN i < j THEN j ELSE i END AS b
MATCH (p:Person {id: 1000 + a}) MATCH (q:Person {id: 1000 + b}) CREATE (p)-[:KNOWS]->(q);
UNWIND range(0, 3999) AS i UNWIND range(0, 1) AS k
WITH i, k, i + 1 + (i * (k + 3) * 17 + k * 5) % 50 AS j WHERE j < 4000
MATCH (p:Person {id: 1000 + i}) MATCH (q:Person {id: 1000 + j})
CREATE (p)-[:SENT {no: 10000 + 2 * i + k, amount: 10 + (i * 37 + k * 11) % 400, at: localdatetime('2026-10-01T00:00') + duration({minutes: (i * 7919 + k * 3001) % 40000})}]->(q);
UNWIND [
  [90001, 1200, 1700, 900, '2026-10-05T09:00'], [90002, 1700, 2300, 880, '2026-10-05T15:30'], [90003, 2300, 1200, 860, '2026-10-06T08:10'],
  [90011, 1450, 4200, 640, '2026-10-11T10:00'], [90012, 4200, 3100, 640, '2026-10-11T10:05'], [90013, 3100, 2600, 610, '2026-10-11T22:40'], [90014, 2600, 1450, 600, '2026-10-12T07:00'],
  [90021, 4900, 4400, 300, '2026-10-20T12:00'], [90022, 4400, 3800, 300, '2026-10-20T12:30'], [90023, 3800, 3300, 300, '2026-10-20T13:00'], [90024, 3300, 1100, 300, '2026-10-20T13:30'], [90025, 1100, 4900, 300, '2026-10-20T14:00'],
  [90031, 1200, 4700, 750, '2026-10-09T18:00'], [90032, 4700, 3500, 740, '2026-10-09T19:00'], [90033, 3500, 1200, 730, '2026-10-10T06:00'],
  [90041, 1300, 3000, 55, '2026-10-03T12:00'], [90042, 3000, 1300, 55, '2026-10-04T12:00'],
  [90051, 2000, 4100, 120, '2026-10-18T12:00'], [90052, 4100, 2900, 80, '2026-10-16T12:00'], [90053, 2900, 2000, 200, '2026-10-13T12:00'],
  [90061, 1050, 1600, 70, '2026-10-21T10:00'], [90062, 1600, 2150, 70, '2026-10-21T11:00'], [90063, 2150, 2750, 70, '2026-10-21T12:00'], [90064, 2750, 3400, 70, '2026-10-21T13:00'], [90065, 3400, 4000, 70, '2026-10-21T14:00'], [90066, 4000, 1050, 70, '2026-10-21T15:00']
] AS t
MATCH (p:Person {id: t[1]}) MATCH (q:Person {id: t[2]}) CREATE (p)-[:SENT {no: t[0], amount: t[3], at: localdatetime(t[4])}]->(q);
UNWIND range(0, 3999) AS i UNWIND range(0, 4) AS k
MATCH (p:Person {id: 1000 + i}) MATCH (s:Shop {id: 'S-' + toString(101 + (i * 7 + k * 11) % 40)})
CREATE (p)-[:PAID {no: 100000 + 10 * i + k, amount: 1 + (i * 13 + k * 29) % 90, at: localdatetime('2026-01-01T08:00') + duration({minutes: (i * 911 + k * 70001) % 400000})}]->(s);
UNWIND range(0, 3999) AS i UNWIND range(5, 9) AS k
MATCH (p:Person {id: 1000 + i}) MATCH (s:Shop {id: 'S-' + toString(101 + (i * 7 + k * 11) % 40)})
CREATE (p)-[:PAID {no: 100000 + 10 * i + k, amount: 1 + (i * 13 + k * 29) % 90, at: localdatetime('2026-01-01T08:00') + duration({minutes: (i * 911 + k * 70001) % 400000})}]->(s);
DROP INDEX lab_person;
DROP INDEX lab_shop;
