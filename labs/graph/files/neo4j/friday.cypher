MATCH (p:Person) WHERE 300 <= p.id < 400 DETACH DELETE p;
// Before Friday.
CREATE (edda:Person {id: 300, name: 'Edda Vik', phone: '010-3000-0300', watched: true}), (finn:Person {id: 301, name: 'Finn Aho'}), (gala:Person {id: 302, name: 'Gala Ode'}),
  (hugo:Person {id: 303, name: 'Hugo Mar', phone: '010-3000-0303'}), (other:Person {id: 304, name: 'Finn Aho', phone: '010-3000-0304'}),
  (edda)-[:KNOWS]->(finn), (gala)-[:KNOWS]->(finn), (other)-[:KNOWS]->(hugo),
  (edda)-[:SENT {no: 85001, amount: 500, at: localdatetime('2026-11-20T10:00')}]->(finn);
MATCH (edda:Person {id: 300}) MERGE (s:Shop {id: 'S-80'}) CREATE (edda)-[:PAID {no: 85010, amount: 21}]->(s);
// The load: people who are known, and one who is not.
CREATE (edda:Person {id: 300, name: 'Edda Vik', phone: '010-3999-0300', load: 'friday'}), (finn:Person {id: 301, name: 'Finn Aho', load: 'friday'}),
  (gala:Person {id: 302, name: 'Gala Ode', load: 'friday'}), (ivo:Person {id: 305, name: 'Ivo Lam', phone: '010-3999-0305', load: 'friday'}),
  (edda)-[:KNOWS]->(finn), (ivo)-[:KNOWS]->(gala),
  (edda)-[:SENT {no: 85001, amount: 500, at: localdatetime('2026-11-20T10:00')}]->(finn),
  (finn)-[:SENT {no: 85002, amount: 490, at: localdatetime('2026-11-20T15:00')}]->(gala),
  (gala)-[:SENT {no: 85003, amount: 480, at: localdatetime('2026-11-21T09:00')}]->(edda);
MATCH (edda:Person {id: 300, load: 'friday'}) MATCH (s:Shop {id: 'S-80'}) CREATE (edda)-[:PAID {no: 85010, amount: 21}]->(s), (edda)-[:PAID {no: 85011, amount: 34}]->(s);
// Since then, the programs have written to whichever node they found.
MATCH (hugo:Person {id: 303}) MATCH (gala:Person {id: 302}) WHERE gala.load IS NULL
MATCH (finn:Person {id: 301, load: 'friday'}) CREATE (hugo)-[:SENT {no: 85004, amount: 60, at: localdatetime('2026-11-22T12:00')}]->(gala),
  (finn)-[:SENT {no: 85005, amount: 15, at: localdatetime('2026-11-22T13:00')}]->(hugo);
