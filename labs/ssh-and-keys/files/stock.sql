DROP TABLE IF EXISTS stock;
CREATE TABLE stock (article text PRIMARY KEY, pieces int NOT NULL, minimum int NOT NULL);
INSERT INTO stock VALUES ('C-01', 79, 20), ('K-01', 3, 5), ('L-01', 12, 12), ('T-01', 138, 60), ('T-02', 18, 60), ('T-03', 0, 10);
