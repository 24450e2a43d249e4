-- For the lab: the record of what happened in `stock`, and functions that say what the database would do with a row.
-- `roadlab.server_start` is written by every start of the server, which also begins to count deadlocks anew.
USE roadlab;

CREATE TABLE seen (
  no             INT AUTO_INCREMENT PRIMARY KEY,
  session        INT         NOT NULL,
  isolation      VARCHAR(20) NOT NULL,
  pieces         INT         NOT NULL,
  transaction_id BIGINT UNSIGNED
);
CREATE TABLE stock_log (
  no      INT AUTO_INCREMENT PRIMARY KEY,
  sku     CHAR(4) NOT NULL,
  was     INT     NOT NULL,
  became  INT     NOT NULL,
  session INT     NOT NULL
);

DELIMITER //

-- Writes down what this session's transaction sees of the article T-01 at this moment. A transaction that is open has a number and
-- a level, which can be another one than that of the session; the server renews its list of them every tenth of a second.
CREATE PROCEDURE look() MODIFIES SQL DATA SQL SECURITY DEFINER
BEGIN
  DECLARE in_stock INT;
  DECLARE own INT;
  DECLARE number BIGINT UNSIGNED;
  DECLARE level VARCHAR(20);
  DECLARE attempts INT DEFAULT 0;
  SELECT pieces INTO in_stock FROM lab.stock WHERE sku = 'T-01';
  INSERT INTO roadlab.seen (session, isolation, pieces) VALUES (CONNECTION_ID(), @@transaction_isolation, in_stock);
  SET own = LAST_INSERT_ID();
  WHILE number IS NULL AND attempts < 3 DO
    DO SLEEP(0.11);
    SELECT MAX(trx_id), MAX(REPLACE(trx_isolation_level, ' ', '-')) INTO number, level FROM information_schema.INNODB_TRX
    WHERE trx_mysql_thread_id = CONNECTION_ID() AND trx_id < 281474976710656;
    SET attempts = attempts + 1;
  END WHILE;
  UPDATE roadlab.seen SET transaction_id = number, isolation = COALESCE(level, isolation) WHERE no = own;
  SELECT no, session, isolation, pieces, transaction_id FROM roadlab.seen WHERE no = own;
END//

-- Ends all other sessions: an open transaction would hinder the reset. Clients connect again with their next statement.
CREATE PROCEDURE close_sessions()
BEGIN
  DECLARE session BIGINT;
  DECLARE finished BOOLEAN DEFAULT FALSE;
  DECLARE sessions CURSOR FOR SELECT ID FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND USER IN ('lab', 'root');
  DECLARE CONTINUE HANDLER FOR NOT FOUND SET finished = TRUE;
  -- A session that has ended meanwhile.
  DECLARE CONTINUE HANDLER FOR 1094 BEGIN END;
  OPEN sessions;
  closing: LOOP
    FETCH sessions INTO session;
    IF finished THEN LEAVE closing; END IF;
    KILL session;
  END LOOP;
  CLOSE sessions;
END//

-- Why a row cannot be tried in this table: a view is none, and with some engines nothing can be rolled back. NULL if it can.
CREATE FUNCTION obstacle(of_table VARCHAR(64)) RETURNS VARCHAR(20) READS SQL DATA
  RETURN (SELECT CASE WHEN TABLE_TYPE <> 'BASE TABLE' THEN 'a view' WHEN ENGINE <> 'InnoDB' THEN 'no transactions' END
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'lab' AND TABLE_NAME = of_table)//

-- A column that was not asked for and has no default gets an empty value here.
SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'//

CREATE FUNCTION try_item(new_no INT, new_sku CHAR(4), new_quantity INT) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('note_item');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.note_item (note_no, sku, quantity) VALUES (new_no, new_sku, new_quantity);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

SET SESSION sql_mode = DEFAULT//

CREATE FUNCTION try_order(new_no INT, new_day DATE, new_email VARCHAR(60)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('orders');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.orders (order_no, day, email) VALUES (new_no, new_day, new_email);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_article(new_sku CHAR(4), new_name VARCHAR(40), new_price DECIMAL(8, 2)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('article');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.article (sku, name, price) VALUES (new_sku, new_name, new_price);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_line(new_no INT, new_sku CHAR(4), new_quantity INT) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('order_line');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.order_line (order_no, sku, quantity) VALUES (new_no, new_sku, new_quantity);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_customer(new_email VARCHAR(60), new_name VARCHAR(40), new_postcode CHAR(5)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('customer');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.customer (email, name, postcode) VALUES (new_email, new_name, new_postcode);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_place(new_postcode CHAR(5), new_city VARCHAR(40), new_zone VARCHAR(20)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('place');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.place (postcode, city, zone) VALUES (new_postcode, new_city, new_zone);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_zone(new_zone VARCHAR(20), new_fee DECIMAL(8, 2)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('zone');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.zone (zone, fee) VALUES (new_zone, new_fee);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

-- A new return with one item. Error 1265, a value that no ENUM has, counts as a warning.
CREATE FUNCTION try_return(new_email VARCHAR(60), new_reason VARCHAR(20), new_sku CHAR(4), new_quantity INT, new_refund DECIMAL(8, 2))
RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT COALESCE(roadlab.obstacle('return_case'), roadlab.obstacle('return_item'));
  DECLARE EXIT HANDLER FOR SQLEXCEPTION, 1265 BEGIN ROLLBACK TO SAVEPOINT tried; RETURN 'refused'; END;
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.return_case (no, email, reason) VALUES (901, new_email, new_reason);
  INSERT INTO lab.return_item (case_no, sku, quantity, refund) VALUES (901, new_sku, new_quantity, new_refund);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_return_item(new_case INT, new_sku CHAR(4), new_quantity INT, new_refund DECIMAL(8, 2)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('return_item');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.return_item (case_no, sku, quantity, refund) VALUES (new_case, new_sku, new_quantity, new_refund);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

-- Changes of rows that are there.
CREATE FUNCTION try_change(what VARCHAR(40)) RETURNS VARCHAR(10) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(10) DEFAULT 'accepted';
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION, 1265 SET outcome = 'refused';
  SAVEPOINT tried;
  CASE what
    WHEN 'reason' THEN UPDATE lab.return_case SET reason = 'bored' WHERE no = 1;
    WHEN 'email' THEN UPDATE lab.return_case SET email = 'ghost@haru.example' WHERE no = 1;
    WHEN 'quantity' THEN UPDATE lab.return_item SET quantity = 0 WHERE case_no = 1 AND sku = 'T-01';
    WHEN 'refund' THEN UPDATE lab.return_item SET refund = -1 WHERE case_no = 1 AND sku = 'T-01';
    WHEN 'account' THEN DELETE FROM lab.account WHERE email = 'lena@haru.example';
  END CASE;
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

-- What becomes of the items of a return that is deleted.
CREATE FUNCTION after_deletion() RETURNS VARCHAR(40) MODIFIES SQL DATA
BEGIN
  DECLARE own, others INT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN 'refused'; END;
  SAVEPOINT tried;
  DELETE FROM lab.return_case WHERE no = 2;
  SELECT COUNT(*) INTO own FROM lab.return_item WHERE case_no = 2;
  SELECT COUNT(*) INTO others FROM lab.return_item WHERE case_no = 1;
  ROLLBACK TO SAVEPOINT tried;
  RETURN CASE WHEN own = 0 AND others = 2 THEN 'deleted with it' WHEN own > 0 THEN 'left behind' ELSE 'others deleted too' END;
END//

-- What becomes of the returns of an account whose address changes.
CREATE FUNCTION after_renaming() RETURNS VARCHAR(40) MODIFIES SQL DATA
BEGIN
  DECLARE followed INT;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN 'refused'; END;
  SAVEPOINT tried;
  UPDATE lab.account SET email = 'jiwoo.han@haru.example' WHERE email = 'jiwoo@haru.example';
  SELECT COUNT(*) INTO followed FROM lab.return_case WHERE email = 'jiwoo.han@haru.example' AND no = 1;
  ROLLBACK TO SAVEPOINT tried;
  RETURN IF(followed = 1, 'changed with it', 'left behind');
END//

-- The turnover of tea in January 2025 in the summary, after a change of `sale`.
CREATE FUNCTION tea_after(what VARCHAR(40)) RETURNS DECIMAL(20, 2) MODIFIES SQL DATA
BEGIN
  DECLARE before_it, after_it DECIMAL(20, 2);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN NULL; END;
  IF roadlab.obstacle('month_turnover') IS NOT NULL OR roadlab.obstacle('sale') IS NOT NULL THEN RETURN NULL; END IF;
  SAVEPOINT tried;
  SELECT SUM(turnover) INTO before_it FROM lab.month_turnover WHERE month = '2025-01' AND category = 'tea';
  CASE what
    WHEN 'INSERT' THEN INSERT INTO lab.sale (id, day, sku, quantity, cents) VALUES (900001, '2025-01-15', 1, 3, 700);
    WHEN 'INSERT twice' THEN INSERT INTO lab.sale (id, day, sku, quantity, cents) VALUES (900001, '2025-01-15', 1, 3, 700), (900002, '2025-01-16', 7, 1, 100);
    WHEN 'UPDATE quantity' THEN UPDATE lab.sale SET quantity = quantity + 2, cents = 500 WHERE id = 420;
    WHEN 'UPDATE day' THEN UPDATE lab.sale SET day = '2025-02-01' WHERE id = 420;
    WHEN 'UPDATE sku' THEN UPDATE lab.sale SET sku = 2 WHERE id = 420;
    WHEN 'DELETE' THEN DELETE FROM lab.sale WHERE id = 420;
  END CASE;
  SELECT SUM(turnover) INTO after_it FROM lab.month_turnover WHERE month = '2025-01' AND category = 'tea';
  ROLLBACK TO SAVEPOINT tried;
  RETURN after_it - before_it;
END//

-- The first sale of a month that has none yet.
CREATE FUNCTION first_of_month() RETURNS DECIMAL(20, 2) MODIFIES SQL DATA
BEGIN
  DECLARE after_it DECIMAL(20, 2);
  DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK TO SAVEPOINT tried; RETURN NULL; END;
  IF roadlab.obstacle('month_turnover') IS NOT NULL OR roadlab.obstacle('sale') IS NOT NULL THEN RETURN NULL; END IF;
  SAVEPOINT tried;
  INSERT INTO lab.sale (id, day, sku, quantity, cents) VALUES (900003, '2027-01-15', 1, 3, 700);
  SELECT SUM(turnover) INTO after_it FROM lab.month_turnover WHERE month = '2027-01' AND category = 'tea';
  ROLLBACK TO SAVEPOINT tried;
  RETURN after_it;
END//

CREATE FUNCTION try_shipment_line(new_no INT, new_line INT, new_sku CHAR(4), new_quantity INT) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('shipment_line');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.shipment_line (shipment_no, line, sku, quantity) VALUES (new_no, new_line, new_sku, new_quantity);
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

CREATE FUNCTION try_shipment(new_no INT, new_supplier CHAR(3)) RETURNS VARCHAR(20) MODIFIES SQL DATA
BEGIN
  DECLARE outcome VARCHAR(20) DEFAULT roadlab.obstacle('shipment');
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET outcome = 'refused';
  IF outcome IS NOT NULL THEN RETURN outcome; END IF;
  SET outcome = 'accepted';
  SAVEPOINT tried;
  INSERT INTO lab.shipment (shipment_no, supplier, day) VALUES (new_no, new_supplier, '2026-04-09');
  ROLLBACK TO SAVEPOINT tried;
  RETURN outcome;
END//

DELIMITER ;

-- `lab` may do anything in the database `lab`, and see and end sessions; the two servers name the right to set variables differently.
GRANT SELECT ON market.* TO 'lab'@'%';
GRANT SELECT, EXECUTE ON roadlab.* TO 'lab'@'%';
GRANT PROCESS ON *.* TO 'lab'@'%';
/*M!100502 GRANT SUPER, CONNECTION ADMIN ON *.* TO 'lab'@'%' */;
/*!80000 GRANT SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN ON *.* TO 'lab'@'%' */;
