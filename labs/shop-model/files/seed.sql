DROP DATABASE IF EXISTS lab;
CREATE DATABASE lab;
USE lab;

-- anomalies
CREATE TABLE order_sheet (
  order_no INT           NOT NULL,
  day      DATE          NOT NULL,
  customer VARCHAR(40)   NOT NULL,
  email    VARCHAR(60)   NOT NULL,
  city     VARCHAR(40)   NOT NULL,
  sku      CHAR(4)       NOT NULL,
  article  VARCHAR(40)   NOT NULL,
  price    DECIMAL(8, 2) NOT NULL,
  quantity INT           NOT NULL,
  PRIMARY KEY (order_no, sku)
);
INSERT INTO order_sheet VALUES
  (1001, '2026-03-02', 'Han Jiwoo',  'jiwoo@haru.example',  'Busan', 'T-01', 'Green tea', 12.00, 2),
  (1001, '2026-03-02', 'Han Jiwoo',  'jiwoo@haru.example',  'Busan', 'C-01', 'Cup',        6.00, 4),
  (1002, '2026-03-03', 'Mateo Ruiz', 'mateo@haru.example',  'Busan', 'K-01', 'Kettle',    42.00, 1),
  (1003, '2026-03-05', 'Lena Vogt',  'lena@haru.example',   'Seoul', 'T-01', 'Green tea', 12.00, 1),
  (1003, '2026-03-05', 'Lena Vogt',  'lena@haru.example',   'Seoul', 'T-02', 'Black tea', 11.00, 3),
  (1004, '2026-03-06', 'Han Jiwoo',  'jiwoo@haru.example',  'Pusan', 'T-02', 'Black tea', 11.00, 1),
  (1005, '2026-03-09', 'Mateo Ruiz', 'mateo@haru.example',  'Busan', 'C-01', 'Cup',        6.00, 2),
  (1006, '2026-03-10', 'Oh Minseo',  'minseo@haru.example', 'Jeju',  'L-01', 'Lantern',   39.00, 1);

-- entities
CREATE TABLE attribute (
  name       VARCHAR(20) PRIMARY KEY,
  belongs_to ENUM('customer', 'order', 'article', 'order line'),
  is_key     ENUM('yes', 'no')
);
INSERT INTO attribute (name) VALUES ('order_no'), ('day'), ('customer'), ('email'), ('city'), ('sku'), ('article'), ('price'), ('quantity');
CREATE TABLE relationship (
  one_side    VARCHAR(20),
  other_side  VARCHAR(20),
  kind        ENUM('1:1', '1:n', 'n:1', 'n:m'),
  foreign_key ENUM('in the first', 'in the second', 'in a table of its own'),
  PRIMARY KEY (one_side, other_side)
);
INSERT INTO relationship (one_side, other_side) VALUES
  ('customer', 'order'), ('order', 'article'), ('article', 'category'), ('order', 'invoice'), ('article', 'supplier');

-- first-form
CREATE TABLE phone_note (
  no    INT          PRIMARY KEY,
  day   DATE         NOT NULL,
  email VARCHAR(60)  NOT NULL,
  items VARCHAR(200) NOT NULL
);
INSERT INTO phone_note VALUES
  (2001, '2026-03-02', 'jiwoo@haru.example', 'T-01 x 2, C-01 x 4'),
  (2002, '2026-03-02', 'mateo@haru.example', 'K-01 x 1'),
  (2003, '2026-03-04', 'lena@haru.example',  'T-01 x 1, T-02 x 12, B-01 x 2'),
  (2004, '2026-03-05', 'amina@haru.example', 'C-01 x 10, C-02 x 10'),
  (2005, '2026-03-07', 'jiwoo@haru.example', 'T-02 x 1');

-- second-form
CREATE TABLE line_sheet (
  order_no INT           NOT NULL,
  sku      CHAR(4)       NOT NULL,
  day      DATE          NOT NULL,
  email    VARCHAR(60)   NOT NULL,
  article  VARCHAR(40)   NOT NULL,
  price    DECIMAL(8, 2) NOT NULL,
  quantity INT           NOT NULL,
  PRIMARY KEY (order_no, sku)
);
INSERT INTO line_sheet VALUES
  (3001, 'T-01', '2026-03-02', 'jiwoo@haru.example', 'Green tea', 12.00, 2),
  (3001, 'C-01', '2026-03-02', 'jiwoo@haru.example', 'Cup',        6.00, 4),
  (3002, 'K-01', '2026-03-03', 'mateo@haru.example', 'Kettle',    42.00, 1),
  (3003, 'T-01', '2026-03-05', 'lena@haru.example',  'Green tea', 12.00, 1),
  (3003, 'T-02', '2026-03-05', 'lena@haru.example',  'Black tea', 11.00, 3),
  (3003, 'C-01', '2026-03-05', 'lena@haru.example',  'Cup',        6.00, 4),
  (3004, 'T-02', '2026-03-06', 'jiwoo@haru.example', 'Black tea', 11.00, 1),
  (3005, 'C-01', '2026-03-09', 'mateo@haru.example', 'Cup',        6.00, 2);

-- third-form
CREATE TABLE customer_sheet (
  email    VARCHAR(60)   PRIMARY KEY,
  name     VARCHAR(40)   NOT NULL,
  postcode CHAR(5)       NOT NULL,
  city     VARCHAR(40)   NOT NULL,
  zone     VARCHAR(20)   NOT NULL,
  fee      DECIMAL(8, 2) NOT NULL
);
INSERT INTO customer_sheet VALUES
  ('amina@haru.example',  'Amina Diallo', '04524', 'Seoul',   'capital', 2.50),
  ('ivo@haru.example',    'Ivo Marek',    '21999', 'Incheon', 'capital', 2.50),
  ('jiwoo@haru.example',  'Han Jiwoo',    '41585', 'Daegu',   'south',   3.50),
  ('lena@haru.example',   'Lena Vogt',    '04524', 'Seoul',   'capital', 2.50),
  ('mateo@haru.example',  'Mateo Ruiz',   '48058', 'Busan',   'south',   3.50),
  ('minseo@haru.example', 'Oh Minseo',    '63122', 'Jeju',    'island',  6.00),
  ('sora@haru.example',   'Sora Kim',     '23100', 'Incheon', 'island',  6.00);

-- rules
CREATE TABLE account (
  email VARCHAR(60) PRIMARY KEY,
  name  VARCHAR(40) NOT NULL
);
INSERT INTO account VALUES
  ('jiwoo@haru.example', 'Han Jiwoo'), ('lena@haru.example', 'Lena Vogt'), ('mateo@haru.example', 'Mateo Ruiz'), ('sora@haru.example', 'Sora Kim');
CREATE TABLE return_case (
  no     INT PRIMARY KEY,
  email  VARCHAR(60),
  reason VARCHAR(20)
);
INSERT INTO return_case VALUES (1, 'jiwoo@haru.example', 'broken'), (2, 'lena@haru.example', 'late'), (3, 'jiwoo@haru.example', 'wrong');
CREATE TABLE return_item (
  case_no  INT,
  sku      CHAR(4),
  quantity INT,
  refund   DECIMAL(8, 2)
);
INSERT INTO return_item VALUES (1, 'T-01', 1, 12.00), (1, 'C-01', 2, 12.00), (2, 'K-01', 1, 0.00), (3, 'T-01', 2, 24.00);

-- denormalise
CREATE TABLE product LIKE market.product;
INSERT INTO product SELECT * FROM market.product;
CREATE TABLE sale LIKE market.sale;
INSERT INTO sale SELECT * FROM market.sale;

-- isolation, lost-update, deadlock
DELETE FROM roadlab.deadlocks_before;
INSERT INTO roadlab.deadlocks_before SELECT `COUNT` FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks';
DROP TABLE IF EXISTS roadlab.seen, roadlab.stock_log;
CREATE TABLE roadlab.seen (
  no             INT AUTO_INCREMENT PRIMARY KEY,
  session        INT         NOT NULL,
  isolation      VARCHAR(20) NOT NULL,
  pieces         INT         NOT NULL,
  transaction_id BIGINT UNSIGNED,
  own_changes    INT,
  at             DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
);
CREATE TABLE roadlab.stock_log (
  no      INT AUTO_INCREMENT PRIMARY KEY,
  sku     CHAR(4)     NOT NULL,
  was     INT         NOT NULL,
  became  INT         NOT NULL,
  session INT         NOT NULL,
  at      DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
);
CREATE TABLE stock (
  sku    CHAR(4) PRIMARY KEY,
  pieces INT     NOT NULL
);
INSERT INTO stock VALUES ('T-01', 30), ('K-01', 10), ('C-01', 50), ('C-02', 50);
CREATE TRIGGER stock_changed AFTER UPDATE ON stock FOR EACH ROW
INSERT INTO roadlab.stock_log (sku, was, became, session) VALUES (NEW.sku, OLD.pieces, NEW.pieces, CONNECTION_ID());
CREATE TRIGGER stock_inserted AFTER INSERT ON stock FOR EACH ROW
INSERT INTO roadlab.stock_log (sku, was, became, session) VALUES (NEW.sku, NEW.pieces, NEW.pieces, CONNECTION_ID());
CREATE TABLE move (
  no       INT AUTO_INCREMENT PRIMARY KEY,
  name     VARCHAR(10) NOT NULL,
  from_sku CHAR(4)     NOT NULL,
  to_sku   CHAR(4)     NOT NULL,
  pieces   INT         NOT NULL,
  session  INT         NOT NULL
);
CREATE TRIGGER move_by BEFORE INSERT ON move FOR EACH ROW SET NEW.session = CONNECTION_ID();
CREATE TABLE packing_note (
  no   INT AUTO_INCREMENT PRIMARY KEY,
  move VARCHAR(10) NOT NULL,
  note VARCHAR(40) NOT NULL
);

-- crash
CREATE TABLE web_order (
  no      INT AUTO_INCREMENT PRIMARY KEY,
  article VARCHAR(40) NOT NULL,
  at      DATETIME(6) NOT NULL,
  flushed INT         NOT NULL
);
CREATE TRIGGER web_order_by BEFORE INSERT ON web_order FOR EACH ROW
SET NEW.at = SYSDATE(6), NEW.flushed = @@GLOBAL.innodb_flush_log_at_trx_commit;
DROP TABLE IF EXISTS roadlab.order_log;
CREATE TABLE roadlab.order_log (no INT NOT NULL);
CREATE TRIGGER web_order_committed AFTER INSERT ON web_order FOR EACH ROW INSERT INTO roadlab.order_log VALUES (NEW.no);

-- incident: an import that broke off, and was started again
CREATE TABLE supplier (
  id   CHAR(3)     PRIMARY KEY,
  name VARCHAR(40) NOT NULL
);
INSERT INTO supplier VALUES ('DAE', 'Daebo Ceramics'), ('JIR', 'Jirisan Tea');
CREATE TABLE shipment_file (
  shipment_no   INT         NOT NULL,
  day           DATE        NOT NULL,
  supplier      CHAR(3)     NOT NULL,
  supplier_name VARCHAR(40) NOT NULL,
  line          INT         NOT NULL,
  sku           CHAR(4)     NOT NULL,
  quantity      INT         NOT NULL,
  PRIMARY KEY (shipment_no, line)
);
INSERT INTO shipment_file VALUES
  (501, '2026-04-06', 'JIR', 'Jirisan Tea',    1, 'T-01', 40), (501, '2026-04-06', 'JIR', 'Jirisan Tea', 2, 'T-02', 25),
  (502, '2026-04-06', 'DAE', 'Daebo Ceramics', 1, 'C-01', 60), (502, '2026-04-06', 'DAE', 'Daebo Ceramics', 2, 'C-02', 30),
  (502, '2026-04-06', 'DAE', 'Daebo Ceramics', 3, 'K-01', 8),
  (503, '2026-04-07', 'OLE', 'Ole Baskets',    1, 'B-01', 12), (503, '2026-04-07', 'OLE', 'Ole Baskets', 2, 'L-01', 5),
  (504, '2026-04-07', 'JIR', 'Jirisan Tea',    1, 'T-03', 50), (504, '2026-04-07', 'JIR', 'Jirisan Tea', 2, 'T-01', 20),
  (504, '2026-04-07', 'JIR', 'Jirisan Tea',    3, 'T-02', 15),
  (505, '2026-04-08', 'DAE', 'Daebo Ceramics', 1, 'C-01', 24);
CREATE TABLE shipment (
  shipment_no INT     PRIMARY KEY,
  supplier    CHAR(3) NOT NULL,
  day         DATE    NOT NULL
);
INSERT INTO shipment VALUES
  (501, 'JIR', '2026-04-06'), (502, 'DAE', '2026-04-06'), (503, 'OLE', '2026-04-07'), (504, 'JIR', '2026-04-07'), (506, 'JIR', '2026-04-08');
CREATE TABLE shipment_line (
  shipment_no INT     NOT NULL,
  line        INT     NOT NULL,
  sku         CHAR(4) NOT NULL,
  quantity    INT     NOT NULL,
  checked_by  VARCHAR(20)
);
INSERT INTO shipment_line VALUES
  (501, 1, 'T-01', 40, NULL), (501, 2, 'T-02', 25, NULL), (502, 1, 'C-01', 60, NULL), (502, 2, 'C-02', 28, 'Minseo'),
  (502, 3, 'K-01', 8, NULL), (503, 1, 'B-01', 12, NULL), (503, 2, 'L-01', 5, NULL), (504, 1, 'T-03', 50, NULL),
  (501, 1, 'T-01', 40, NULL), (501, 2, 'T-02', 25, NULL), (502, 1, 'C-01', 60, NULL), (502, 2, 'C-02', 30, NULL),
  (506, 1, 'T-01', 10, 'Minseo'), (506, 2, 'T-02', 10, 'Minseo');
