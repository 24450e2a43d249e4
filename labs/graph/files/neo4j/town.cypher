// What the exercises begin with, besides the city.
// Twins: one person, taken in twice.
CREATE (m:Person {id: 7, name: 'Minu Seo', phone: '010-2222-0007'}), (n:Person {id: 7, name: 'Minu Seo', email: 'minu@haru.example'})
WITH m, n UNWIND [8, 9] AS id CREATE (f:Person {id: id, name: CASE id WHEN 8 THEN 'Rosa Lim' ELSE 'Theo Nam' END})
FOREACH (x IN CASE id WHEN 8 THEN [1] ELSE [] END | CREATE (m)-[:KNOWS {since: 2019}]->(f))
FOREACH (x IN CASE id WHEN 9 THEN [1] ELSE [] END | CREATE (f)-[:SENT {no: 80001, amount: 45, at: localdatetime('2026-10-02T12:30')}]->(n));
MATCH (m:Person {id: 7, phone: '010-2222-0007'}) MATCH (n:Person {id: 7, email: 'minu@haru.example'})
CREATE (s:Shop {id: 'S-80', name: 'Bookshop'}) CREATE (m)-[:PAID {no: 80002, amount: 18}]->(s) CREATE (n)-[:PAID {no: 80003, amount: 9}]->(s);
// The tea house, which gives refunds.
CREATE (s:Shop {id: 'S-90', name: 'Tea house'})
WITH s UNWIND [[50, 'Wonu Gil', 5001, 12], [50, 'Wonu Gil', 5002, 30], [51, 'Xenia Ru', 5003, 12], [52, 'Yuna Pyo', 5004, 7]] AS t
MERGE (p:Person {id: t[0], name: t[1]}) CREATE (p)-[:PAID {no: t[2], amount: t[3]}]->(s);
// Mina's circle.
UNWIND [[200, 'Mina Park'], [201, 'Noa Shin'], [202, 'Olli Berg'], [203, 'Pia Rho'], [204, 'Quin Yoo'], [205, 'Rian Do'], [206, 'Sora Jin'], [207, 'Tae Moon'], [208, 'Umi Ban'],
  [209, 'Vito Sa'], [210, 'Wanda Ki']] AS t CREATE (:Person {id: t[0], name: t[1]});
UNWIND [[200, 201], [202, 200], [200, 203], [201, 202], [201, 204], [204, 202], [203, 204], [205, 202], [203, 205], [203, 201], [203, 206], [207, 206], [206, 208], [205, 208], [208, 209], [209, 210], [207, 210]] AS k
MATCH (p:Person {id: k[0]}) MATCH (q:Person {id: k[1]}) CREATE (p)-[:KNOWS]->(q);
MATCH (s:Shop {id: 'S-101'}) MATCH (p:Person) WHERE p.id IN [200, 210] CREATE (p)-[:PAID {no: 81000 + p.id, amount: 5}]->(s);
MATCH (p:Person {id: 52}) MATCH (s:Shop {id: 'S-80'}) CREATE (p)-[:PAID {no: 5005, amount: 11}]->(s);
